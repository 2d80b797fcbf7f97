"""`manage.py worker`: one process of a crew. `run` starts it; nobody types it."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from therapyconnect.ops.serve import serve
from therapyconnect.serving.crew import RENEW_SIGNAL


class Command(BaseCommand):
    help = "One of several processes behind one port, started by `run`: takes open descriptors."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("listening", type=int, help="the bound socket")
        parser.add_argument("ready", type=int, help="where to say that it serves")
        parser.add_argument("life", type=int, help="ends when the parent does")

    def handle(self, *args: Any, **options: Any) -> None:
        # Meant for the parent; where all of a group are signalled it must not end this one.
        signal.signal(RENEW_SIGNAL, signal.SIG_IGN)

        def say_ready(port: int) -> None:
            os.write(options["ready"], b".")
            os.close(options["ready"])

        serve(on_ready=say_ready, fd=options["listening"], life=options["life"])
