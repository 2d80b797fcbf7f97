"""`manage.py restore`: a backup into a database that nobody uses."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from therapyconnect.accounts.models import User
from therapyconnect.attachments.storage import StoreDown
from therapyconnect.messaging.models import Chat, Message
from therapyconnect.ops import checkup
from therapyconnect.ops.backups import objects
from therapyconnect.ops.backups.errors import BackupError
from therapyconnect.ops.backups.restoring import check_backup, check_database, check_note, load
from therapyconnect.ops.commands import ExplainedCommand

_HELP = """\
Put a backup into an empty database that no server uses, with the key ring that belongs to it.

The whole file is checked before anything is touched; then all of it gets in, or nothing. Everyone
has to log in again, and clients fetch afresh what they had beyond the backup.

Examples:
  python manage.py restore /backups/clinic-2026-11-25.tcbackup
  python manage.py restore --replace clinic.tcbackup      in the place of what the database holds
  python manage.py restore --check clinic.tcbackup        only see whether it would open
"""


class Command(ExplainedCommand):
    help = _HELP
    requires_system_checks: list[Any] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument(
            "--replace", action="store_true", help="drop all tables that the database holds first"
        )
        parser.add_argument(
            "--check", action="store_true", help="open the whole file and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        ring = settings.THERAPYCONNECT["KEY_RING"]
        replace = options["replace"]
        try:
            with open(options["file"], "rb") as file:
                note = check_backup(file, ring, out=sys.stderr)
                check_note(note, ring)
                self.stdout.write(f"The backup of {note.made_at} ({note.version}) is whole.")
                if options["check"]:
                    return
                check_database(replace=replace)
                load(file, ring, replace=replace, out=sys.stderr)
        except BackupError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{options['file']} can't be read: {error.strerror}") from None
        checkup.migrate()
        problem = checkup.unopenable_keys()
        if problem is not None:
            raise CommandError(f"Restored, but {problem}")
        self.stdout.write(
            f"Restored {User.objects.count()} users, {Chat.objects.count()} chats and"
            f" {Message.objects.count()} messages. Everyone has to log in again."
        )
        try:
            lost = objects.missing()
        except StoreDown as error:
            raise CommandError(
                f"Restored, but {objects.where()} does not answer: {error}"
            ) from None
        if lost:
            self.stdout.write(
                f"The objects of {lost} attachments are not in {objects.where()}: copy them back"
                " from where they were saved. Until then nobody can fetch these files."
            )
