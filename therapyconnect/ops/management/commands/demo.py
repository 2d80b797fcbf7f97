"""`manage.py demo`: the demo's accounts and chats."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.ops.demo import DEMO_PASSWORD, DEMO_USERS, seed_demo


class Command(BaseCommand):
    help = (
        "Make the demo's accounts and chats; again is harmless. Not in production mode."
        "\n\nExample: python manage.py demo"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if ENVIRONMENT.production:
            raise CommandError("demo accounts are refused in production mode")
        seed_demo()
        for entry in DEMO_USERS:
            self.stdout.write(f"{entry.id:<10} {entry.email:<24} {DEMO_PASSWORD}")
