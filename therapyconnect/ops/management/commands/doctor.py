"""`manage.py doctor`: look at keys, database, disk, clock and settings, and say what to do."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from therapyconnect.ops.checkup import check_up


class Command(BaseCommand):
    help = (
        "Check keys, database, disk, clock and settings, and say what to do. Exits with 1 where"
        " something must be mended.\n\nExample: python manage.py doctor"
    )
    requires_system_checks: list[Any] = []

    def handle(self, *args: Any, **options: Any) -> None:
        failed = False
        for finding in check_up():
            failed = failed or finding.level == "fail"
            self.stdout.write(f"{finding.level:<5}{finding.about:<20}{finding.says}")
        if failed:
            sys.exit(1)
