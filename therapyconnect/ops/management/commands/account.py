"""`python manage.py account`: what the clinic's administrator does for somebody's account."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from therapyconnect.accounts import services
from therapyconnect.accounts.selectors import user_by_email, user_by_id
from therapyconnect.core.errors import DomainError
from therapyconnect.ops.commands import ExplainedCommand
from therapyconnect.ops.passwords import add_password_argument, given_password

_HELP = """\
Look after one account. WHO is an id or an e-mail address.

  deactivate      refuse the user from now on; sockets close within seconds
  activate        let them log in again
  password        set another password, for who forgot theirs; every session ends
  reset-factors   forget authenticator app, recovery codes and passkeys, for who lost the
                  phone; every session ends, and therapists and admins enrol anew

Examples:
  python manage.py account deactivate p_xyz789
  python manage.py account password therapist@clinic.example
"""


class Command(ExplainedCommand):
    help = _HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["deactivate", "activate", "password", "reset-factors"])
        parser.add_argument("who", metavar="WHO")
        add_password_argument(parser)

    def handle(self, *args: Any, what: str, who: str, **options: Any) -> None:
        user = user_by_email(who) if "@" in who else user_by_id(who)
        if user is None:
            raise CommandError(f"There is no user {who}.")
        try:
            done = self._do(what, user.id, piped=options["password_stdin"])
        except DomainError as error:
            raise CommandError(" ".join(problem.detail for problem in error.problems)) from None
        self.stdout.write(f"{user.id}\t{user.email}\t{done}")

    @staticmethod
    def _do(what: str, user_id: str, *, piped: bool) -> str:
        if what == "deactivate":
            services.deactivate_user(user_id=user_id)
            return "deactivated"
        if what == "activate":
            services.activate_user(user_id=user_id)
            return "active"
        if what == "password":
            services.set_password(user_id=user_id, password=given_password(piped=piped))
            return "new password, logged out everywhere"
        count = services.reset_second_factors(user_id=user_id)
        return f"{count} second factors forgotten, logged out everywhere"
