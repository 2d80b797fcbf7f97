"""`manage.py run`: migrate, seed the demo, serve in the foreground."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandError

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.crisis.refusals import beside_refusal
from therapyconnect.messaging.services import engine
from therapyconnect.ops import checkup
from therapyconnect.ops.demo import DEMO_PASSWORD, DEMO_USERS, seed_demo
from therapyconnect.serving import Server, make_server

# Most young objects are frames and rows, gone with their batch: look at them seldom.
GC_THRESHOLD = (50_000, 20, 20)


class Command(BaseCommand):
    help = (
        "Migrate, seed the demo (in demo mode) and serve in the foreground; SIGINT or SIGTERM"
        " stops it.\n\nExample: PORT=8001 python manage.py run"
    )

    def handle(self, *args: Any, **options: Any) -> None:
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
        from therapyconnect.config.asgi import application

        server = make_server(
            application,
            host=ENVIRONMENT.host,
            port=ENVIRONMENT.port,
            on_drain=application.drain,
            beside_refusal=beside_refusal,
            forwarded_allow_ips="127.0.0.1" if ENVIRONMENT.production else None,
        )
        uvloop.run(self._serve(server))

    async def _serve(self, server: Server) -> None:
        greeting = asyncio.create_task(self._greet(server))
        try:
            await server.serve()
        finally:
            greeting.cancel()

    async def _greet(self, server: Server) -> None:
        """Say where to go, once it answers."""
        while not server.started:
            await asyncio.sleep(0.02)
        # What is loaded now stays: a full collection need not walk all of Django each time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        base = f"http://localhost:{server.port}"
        if ENVIRONMENT.production:
            base = f"https://{ENVIRONMENT.hosts[0]}"
        self.stdout.write(f"\nTherapyConnect is ready ({ENVIRONMENT.mode}).")
        self.stdout.write(f"  docs    {base}/api/docs/\n  schema  {base}/api/schema/")
        self.stdout.write(f"  health  {base}/health/ready")
        if not ENVIRONMENT.production:
            self.stdout.write(f"\nDemo log-ins, password {DEMO_PASSWORD}:")
            for entry in DEMO_USERS:
                self.stdout.write(f"  {entry.id:<10} {entry.email}")
            self.stdout.write(
                "\nTry it:\n"
                f"  curl -s {base}/_allauth/app/v1/auth/login -H 'Content-Type: application/json'"
                f' -d \'{{"email": "{DEMO_USERS[3].email}", "password": "{DEMO_PASSWORD}"}}\''
            )
        self.stdout.write("\nCtrl-C stops it.")
        self.stdout.flush()
