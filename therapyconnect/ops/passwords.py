"""A password for a management command: asked for, or piped in, and never an argument.

Every user of the machine may read a process's arguments.
"""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser

from django.core.management.base import CommandError


def add_password_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )


def given_password(*, piped: bool) -> str:
    """The password, from standard input's first line or asked for twice; else `CommandError`."""
    return _piped() if piped else _asked()


def _piped() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("Standard input held no password.")
    return password


def _asked() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password: use --password-stdin.")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Password again: "):
        raise CommandError("The two passwords differ.")
    return password
