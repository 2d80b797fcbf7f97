"""The command line: starts the embedded PostgreSQL where a command needs it, then hands to Django.

Only the standard library is imported up front, so that `help` is quick and a broken database is
told in one line before anything of Django loads.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from therapyconnect.embedded import EmbeddedPostgresError, lease

SETTINGS = "therapyconnect.config.settings"
ROOT = Path(__file__).resolve().parents[1]

# Commands that read or write files only.
_WITHOUT_DATABASE = frozenset(
    {
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "startapp",
        "startproject",
        "version",
    }
)
# Ends on a signal as a matter of course: being told to stop is no failure.
_SERVES = ("run", "worker")


class _Terminated(BaseException):
    """SIGTERM, raised so that `finally` runs as it does for Ctrl-C."""


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status: 2 where the embedded server cannot be used.

    With `DATABASE_URL` set, that server is used and none is started. Otherwise the one in
    `$THERAPYCONNECT_DATA/postgres` (`./var/postgres` of the checkout) is held in use while the
    command runs; several commands at once share it.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    command = argv[1] if len(argv) > 1 else "help"
    interrupt = signal.getsignal(signal.SIGINT)
    terminate = signal.signal(signal.SIGTERM, _raise_terminated)
    held = None
    try:
        if needs_database(argv) and not os.environ.get("DATABASE_URL"):
            try:
                held = lease(data_folder() / "postgres")
            except EmbeddedPostgresError as error:
                print(error, file=sys.stderr)
                return 2
            # For the ways out that skip `finally`, such as an exit from another thread.
            atexit.register(held.release)
            os.environ["DATABASE_URL"] = held.url

        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        from therapyconnect.vault.errors import VaultError

        try:
            settings._setup()  # type: ignore[misc]  # now, so that what is wrong is one line
            execute_from_command_line(list(argv))
        except (ImproperlyConfigured, VaultError) as error:
            print(error, file=sys.stderr)
            return 2
    except KeyboardInterrupt:
        return 0 if command in _SERVES else 128 + signal.SIGINT
    except _Terminated:
        return 0 if command in _SERVES else 128 + signal.SIGTERM
    finally:
        # A second signal must not interrupt the clean stop of the database.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if held is not None:
            os.environ.pop("DATABASE_URL", None)
            held.release()
            atexit.unregister(held.release)
        signal.signal(signal.SIGTERM, terminate)
        signal.signal(signal.SIGINT, interrupt)
    return 0


def needs_database(argv: Sequence[str]) -> bool:
    """Whether this command line touches the database."""
    if len(argv) < 2 or argv[1].startswith("-") or argv[1] in _WITHOUT_DATABASE:
        return False
    options = argv[2:]
    if "--help" in options or "-h" in options:
        return False
    if argv[1] == "check":
        return any(option.split("=")[0] == "--database" for option in options)
    return True


def data_folder() -> Path:
    """The folder of everything that this installation keeps."""
    given = os.environ.get("THERAPYCONNECT_DATA")
    return Path(given).absolute() if given else ROOT / "var"


def console() -> int:
    """The installed `therapyconnect` command."""
    return main(sys.argv)


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise _Terminated
