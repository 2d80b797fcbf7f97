"""`manage.py run`: migrate, seed the demo, serve in the foreground."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.messaging.services import engine
from therapyconnect.ops import checkup
from therapyconnect.ops.demo import DEMO_PASSWORD, DEMO_THERAPIST, DEMO_USERS, seed_demo
from therapyconnect.ops.serve import serve
from therapyconnect.ops.webbuild import WebBuild
from therapyconnect.serving.crew import RENEW_SIGNAL, Crew


class Command(BaseCommand):
    help = (
        "Migrate, seed the demo (in demo mode) and serve in the foreground; SIGINT or SIGTERM"
        " stops it. With THERAPYCONNECT_WORKERS above 1, SIGUSR1 renews the workers one by one."
        "\n\nExample: PORT=8001 python manage.py run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--build-web",
            action="store_true",
            help="once it serves, build the web client beside it where that is missing or stale",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._web = WebBuild() if options["build_web"] else None
        try:
            self._run()
        finally:
            if self._web is not None:
                self._web.stop()

    def _run(self) -> None:
        # It asks a crew to renew itself; one process has nobody to take its place, and goes on.
        signal.signal(RENEW_SIGNAL, signal.SIG_IGN)
        checkup.migrate()
        problem = checkup.unopenable_keys()
        if problem is not None:
            raise CommandError(problem)
        if ENVIRONMENT.production:
            failures = [f for f in checkup.check_up() if f.level == "fail"]
            if failures:
                raise CommandError("; ".join(f"{f.about}: {f.says}" for f in failures))
        else:
            seed_demo()
            engine.stop_own()
        if ENVIRONMENT.workers == 1:
            serve(on_ready=self._greet)
        else:
            self._run_crew()

    def _run_crew(self) -> None:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        try:
            crew = Crew(
                _worker, count=ENVIRONMENT.workers, host=ENVIRONMENT.host, port=ENVIRONMENT.port
            )
        except OSError as error:
            raise CommandError(
                f"nothing can listen on {ENVIRONMENT.host} port {ENVIRONMENT.port}:"
                f" {error.strerror}"
            ) from None
        if crew.run(lambda: self._greet(crew.port)) != 0:
            raise CommandError("no worker began to serve: what it said is above")

    def _greet(self, port: int) -> None:
        """Say where to go, once it answers."""
        base = f"http://localhost:{port}"
        if ENVIRONMENT.production:
            base = f"https://{ENVIRONMENT.hosts[0]}"
        self.stdout.write(f"\nTherapyConnect is ready ({ENVIRONMENT.mode}).")
        self.stdout.write(
            f"  web     {base}/\n  docs    {base}/api/docs/\n  schema  {base}/api/schema/"
        )
        self.stdout.write(f"  health  {base}/health/ready")
        if not ENVIRONMENT.production:
            self.stdout.write(f"\nDemo log-ins, password {DEMO_PASSWORD}:")
            for entry in DEMO_USERS:
                self.stdout.write(f"  {entry.id:<10} {entry.email}")
            self.stdout.write(
                "\nTry it:\n"
                f"  curl -s {base}/_allauth/app/v1/auth/login -H 'Content-Type: application/json'"
                f' -d \'{{"email": "{DEMO_THERAPIST.email}", "password": "{DEMO_PASSWORD}"}}\''
            )
        self.stdout.write("\nCtrl-C stops it.")
        self.stdout.flush()
        if self._web is not None:
            self._web.start()


def _worker(listening: int, ready: int, life: int) -> Sequence[str]:
    """The way this process was started: by `manage.py`, or by the installed command."""
    return [
        sys.executable,
        str(Path(sys.argv[0]).resolve()),
        "worker",
        *map(str, (listening, ready, life)),
    ]
