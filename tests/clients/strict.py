"""`python -m tests.clients.strict`: what `manage.py run` starts, with tokens that live for seconds
and a small allowance of messages.
"""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")

TOKEN_SECONDS = 4


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from therapyconnect.accounts import tokens
    from therapyconnect.accounts.quotas import Rate

    defaults = tokens.mint_access.__kwdefaults__
    assert defaults == {"lifetime_seconds": tokens.ACCESS_SECONDS}
    defaults["lifetime_seconds"] = TOKEN_SECONDS
    rates = settings.THERAPYCONNECT["RATES"]
    assert "message" in rates
    rates["message"] = Rate(burst=10, per_second=10)
    call_command("run")


if __name__ == "__main__":
    main()
