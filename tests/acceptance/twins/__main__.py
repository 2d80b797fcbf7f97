"""`python -m tests.acceptance.twins DEFECT`: what `manage.py run` starts, with one rule broken."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")


def main() -> int:
    import django

    django.setup()
    from tests.acceptance.twins.defects import DEFECTS

    DEFECTS[sys.argv[1]]()
    from django.core.management import call_command

    try:
        call_command("run")
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
