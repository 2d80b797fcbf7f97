"""`manage.py loadusers N`: pairs with a chat and tokens each, for load tests."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError, CommandParser

from therapyconnect.accounts.models import CareRelationship, User
from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.core import clock
from therapyconnect.messaging.services.chats import create_or_get_chat
from therapyconnect.ops.demo import DEMO_PASSWORD

TOKEN_SECONDS = 3600


class Command(BaseCommand):
    help = (
        "Make N therapist-patient pairs with a chat each and write one JSON line for each, with"
        " access tokens valid an hour. Again is harmless. Not in production mode."
        "\n\nExample: python manage.py loadusers 50 > pairs.jsonl"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("pairs", type=int, metavar="N", help="how many pairs, 1 to 99999")
        parser.add_argument("--first", type=int, default=1, help="the first pair's number")

    def handle(self, *args: Any, pairs: int, first: int, **options: Any) -> None:
        if ENVIRONMENT.production:
            raise CommandError("load users are refused in production mode")
        if pairs < 1 or first < 1 or first + pairs > 100_000:
            raise CommandError("the pairs' numbers are 1 to 99999")
        ids = [(f"t_load{n:05}", f"p_load{n:05}") for n in range(first, first + pairs)]
        users = self._users([user_id for pair in ids for user_id in pair])
        self._relate(ids)
        sessions = open_sessions(users.values())
        for therapist_id, patient_id in ids:
            chat_id, _ = create_or_get_chat(
                caller=_principal(users[therapist_id]),
                therapist_id=therapist_id,
                patient_id=patient_id,
            )
            line = {
                "therapist_id": therapist_id,
                "patient_id": patient_id,
                "chat_id": chat_id,
                "therapist_token": _token(therapist_id, sessions),
                "patient_token": _token(patient_id, sessions),
            }
            self.stdout.write(json.dumps(line))

    def _users(self, ids: list[str]) -> dict[str, User]:
        # One hash for all: they share the demo's public password, and hashing is slow on purpose.
        password = make_password(DEMO_PASSWORD)
        fresh = [
            User(
                id=user_id,
                email=f"{user_id}@demo.test",
                first_name="Load",
                last_name=user_id[2:],
                password=password,
            )
            for user_id in ids
        ]
        User.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)
        return User.objects.in_bulk(ids)

    def _relate(self, ids: list[tuple[str, str]]) -> None:
        CareRelationship.objects.bulk_create(
            [
                CareRelationship(therapist_id=t, patient_id=p, started_at=clock.now())
                for t, p in ids
            ],
            ignore_conflicts=True,
            batch_size=1000,
        )


def _principal(user: User) -> Principal:
    return Principal(
        id=user.id,
        role="therapist",
        first_name=user.first_name,
        last_name=user.last_name,
        session_id="",
        expires_at=0,
    )


def _token(user_id: str, sessions: dict[str, str]) -> str:
    return mint_access(
        user_id=user_id, session_id=sessions[user_id], lifetime_seconds=TOKEN_SECONDS
    )
