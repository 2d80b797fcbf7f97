"""`python manage.py createuser`: the way into an installation that has no users yet."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from therapyconnect.accounts import services
from therapyconnect.accounts.models import User
from therapyconnect.accounts.policies import user_id_problem
from therapyconnect.core.errors import DomainError, NotFound
from therapyconnect.ops.commands import ExplainedCommand
from therapyconnect.ops.passwords import add_password_argument, given_password

_HELP = """\
Make a user: a therapist, a patient or an admin.

The password is asked for, twice; --password-stdin reads it from the first line of standard input.
Either the whole command succeeds, with its care relationships, or nothing is changed.

Example:
  python manage.py createuser --role patient --id p_xyz789 --email patient@clinic.example
  python manage.py createuser --role therapist --email therapist@clinic.example \\
      --first-name Given --last-name Family --cares-for p_xyz789
"""


class Command(ExplainedCommand):
    help = _HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", required=True, choices=["therapist", "patient", "admin"])
        parser.add_argument(
            "--id",
            help="t_…, p_… or a_… with 3 to 32 lower-case letters or digits; made when absent",
        )
        parser.add_argument("--email", required=True, help="what the user logs in with")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")
        parser.add_argument(
            "--cares-for",
            action="append",
            default=[],
            metavar="PATIENT_ID",
            help="begin a care relationship with this patient; may be given again",
        )
        add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        user_id = options["id"] or services.new_user_id(role)
        problem = user_id_problem(user_id, role)
        if problem is not None:
            raise CommandError(problem.detail)
        if options["cares_for"] and role != "therapist":
            raise CommandError(
                "Only a therapist cares for a patient: --cares-for fits --role therapist."
            )
        password = given_password(piped=options["password_stdin"])
        try:
            with transaction.atomic():
                user = services.create_user(
                    id=user_id,
                    email=options["email"],
                    password=password,
                    first_name=options["first_name"],
                    last_name=options["last_name"],
                )
                for patient_id in options["cares_for"]:
                    _care(user, patient_id)
        except DomainError as error:
            raise CommandError(" ".join(problem.detail for problem in error.problems)) from None
        self.stdout.write(f"{user.id}\t{user.email}")


def _care(therapist: User, patient_id: str) -> None:
    try:
        services.create_relationship(therapist_id=therapist.id, patient_id=patient_id)
    except NotFound:
        raise CommandError(f"There is no patient {patient_id}: make the patient first.") from None
