"""`manage.py backup`: the whole database in one sealed file, while the server runs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from therapyconnect.ops.backups import objects
from therapyconnect.ops.backups.errors import BackupError
from therapyconnect.ops.backups.making import make_backup
from therapyconnect.ops.backups.progress import as_size
from therapyconnect.ops.backups.whole_file import whole_file
from therapyconnect.ops.commands import ExplainedCommand

_HELP = """\
Write all that the database holds into one sealed file, while the server runs. The objects of
attachments lie in their folder or bucket: copy that after it, as it is.

The file appears under its name only once it is whole. It holds no key: keep a copy of the key ring
apart from it, for without the ring nobody can open it, and with both anybody can.

Examples:
  python manage.py backup /backups/clinic-$(date +%F).tcbackup
  python manage.py backup - | ssh backups.example 'cat > clinic.tcbackup'
"""


class Command(ExplainedCommand):
    help = _HELP
    requires_system_checks: list[Any] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="where to write it; - is standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        ring = settings.THERAPYCONNECT["KEY_RING"]
        try:
            if options["file"] == "-":
                if sys.stdout.isatty():
                    raise CommandError("A backup is no text for a terminal: send it on.")
                note, size = make_backup(sys.stdout.buffer, ring, out=sys.stderr)
                sys.stdout.buffer.flush()
            else:
                with whole_file(Path(options["file"]).absolute()) as file:
                    note, size = make_backup(file, ring, out=sys.stderr)
        except (BackupError, BrokenPipeError) as error:
            raise CommandError(str(error)) from None
        self.stderr.write(
            f"Backup of {note.made_at}: {as_size(size)}, sealed with key {ring.current} of the key"
            " ring, which is not in it. Keep a copy of the ring apart."
        )
        if files := objects.count():
            self.stderr.write(
                f"The objects of {files} attachments are not in it: copy {objects.where()} now, as"
                " it is. They are sealed with keys that only the backup and the ring give."
            )
