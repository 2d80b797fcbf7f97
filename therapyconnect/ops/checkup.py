"""What `doctor` looks at: each finding says what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from therapyconnect.accounts.models import User
from therapyconnect.attachments.probing import try_out
from therapyconnect.attachments.scanning import ScannerDown
from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.vault.errors import VaultError
from therapyconnect.vault.models import DataKey

Level = Literal["ok", "warn", "fail"]
MIN_POSTGRES = 150_000
MIN_FREE_BYTES = 1 << 30
MAX_CLOCK_SKEW_SECONDS = 2.0
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# These wait for more than the local disk, and so keep the promise too.
DURABLE_COMMITS = {"on", "remote_write", "remote_apply", "local"}


@dataclass(frozen=True)
class Finding:
    level: Level
    about: str
    says: str


def check_up() -> Iterator[Finding]:
    """Every finding, worst news included; stops at a database that does not answer."""
    yield from _mode()
    yield from _disk()
    yield from _scanner()
    try:
        connection.ensure_connection()
    except Exception:
        yield Finding("fail", "database", "does not answer: check DATABASE_URL, or `make run`")
        return
    yield from _database()
    migrations = list(_migrations())
    yield from migrations
    if all(finding.level == "ok" for finding in migrations):
        yield from _keys()
        yield from _demo_accounts()
    yield from _clock()


def _mode() -> Iterator[Finding]:
    yield Finding("ok", "mode", ENVIRONMENT.mode)
    if not ENVIRONMENT.throttles:
        level: Level = "fail" if ENVIRONMENT.production else "warn"
        yield Finding(level, "throttles", "off: set THERAPYCONNECT_THROTTLES=on outside load tests")
    if ENVIRONMENT.production:
        if not ENVIRONMENT.hosts:
            yield Finding("fail", "hosts", "set THERAPYCONNECT_HOSTS to the names you serve")
        if not ENVIRONMENT.origins:
            yield Finding(
                "warn", "origins", "none: no browser gets a socket; set THERAPYCONNECT_ORIGINS"
            )
        if any(not origin.startswith("https://") for origin in ENVIRONMENT.origins):
            yield Finding("fail", "origins", "THERAPYCONNECT_ORIGINS must be https:// addresses")


def _disk() -> Iterator[Finding]:
    ENVIRONMENT.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(ENVIRONMENT.data).free
    text = f"{free / (1 << 30):.1f} GiB free in the data folder"
    if free < MIN_FREE_BYTES:
        yield Finding("fail", "disk", f"{text}: make room; sends are refused when it is full")
    else:
        yield Finding("ok", "disk", text)


def _scanner() -> Iterator[Finding]:
    if not ENVIRONMENT.clamav:
        level: Level = "fail" if ENVIRONMENT.production else "warn"
        yield Finding(
            level,
            "scanner",
            "none: set THERAPYCONNECT_CLAMAV to the address of clamd, or to off: and a reason",
        )
        return
    scanner = settings.THERAPYCONNECT["SCANNER"]
    if scanner is None:
        yield Finding("warn", "scanner", f"switched {ENVIRONMENT.clamav}")
        return
    try:
        yield Finding("ok", "scanner", scanner.version())
        problem = try_out(scanner)
        if problem is not None:
            yield Finding("fail", "scanner", problem)
    except ScannerDown as down:
        yield Finding(
            "warn", "scanner", f"{down.reason}: until clamd answers, no attachment becomes ready"
        )


def _database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        version = int(cursor.fetchone()[0])
        if version < MIN_POSTGRES:
            yield Finding("fail", "database", "PostgreSQL 15 or newer is needed")
        else:
            yield Finding("ok", "database", f"PostgreSQL {version // 10_000}")
        for name, wanted in DURABLE.items():
            cursor.execute(f"SHOW {name}")
            value = cursor.fetchone()[0]
            kept = value in DURABLE_COMMITS if name == "synchronous_commit" else value == wanted
            if kept:
                yield Finding("ok", name, value)
            else:
                yield Finding(
                    "fail", name, f"{value}: set it to {wanted}, or acknowledged messages get lost"
                )
        cursor.execute("SHOW server_encoding")
        if cursor.fetchone()[0] != "UTF8":
            yield Finding("fail", "encoding", "the database must be UTF8")
        cursor.execute("SHOW data_checksums")
        if cursor.fetchone()[0] != "on":
            yield Finding("warn", "data_checksums", "off: a failing disk may go unnoticed")


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield Finding("fail", "migrations", f"{len(plan)} to apply: python manage.py migrate")
    else:
        yield Finding("ok", "migrations", "all applied")


def _keys() -> Iterator[Finding]:
    ring = settings.THERAPYCONNECT["KEY_RING"]
    if ring.generated:
        level: Level = "fail" if ENVIRONMENT.production else "ok"
        yield Finding(level, "keys", f"generated, in {ENVIRONMENT.key_file.name}: back it up")
    else:
        yield Finding("ok", "keys", f"own ring, {len(ring.keys)} key(s)")
    problem = unopenable_keys()
    if problem is not None:
        yield Finding("fail", "keys", problem)


def unopenable_keys() -> str | None:
    """What is wrong where the key ring does not open this database's data keys; else None."""
    ring = settings.THERAPYCONNECT["KEY_RING"]
    for wrapped_by in DataKey.objects.values_list("wrapped_by", flat=True).distinct():
        row = DataKey.objects.filter(wrapped_by=wrapped_by).first()
        assert row is not None
        bound = f"vault_datakey\x1f{row.chat_id}\x1f{row.version}".encode()
        try:
            ring.unwrap(bytes(row.wrapped), bound=bound, version=wrapped_by)
        except VaultError:
            return (
                "this key ring does not open this database: restore the ring that belongs to it"
                " (THERAPYCONNECT_KEYS or THERAPYCONNECT_KEY_FILE)"
            )
    return None


def _demo_accounts() -> Iterator[Finding]:
    if (
        ENVIRONMENT.production
        and User.objects.filter(is_active=True, email__endswith="@demo.test").exists()
    ):
        yield Finding(
            "fail", "accounts", "this database holds demo accounts, whose password is public"
        )


def _clock() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        there = float(cursor.fetchone()[0])
        skew = there - (before + time.time()) / 2
    if abs(skew) > MAX_CLOCK_SKEW_SECONDS:
        yield Finding("fail", "clock", f"{skew:+.1f} s from the database's: synchronise both")
    else:
        yield Finding("ok", "clock", f"{skew:+.3f} s from the database's")


def migrate() -> None:
    """Bring the database's tables up to this code."""
    call_command("migrate", verbosity=0, interactive=False)
