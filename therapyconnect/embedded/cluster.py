"""Makes a cluster: PostgreSQL's own data folder, with our roles, database and access rules.

UTF-8, data checksums on. The collation is PostgreSQL's own `C.UTF-8` (provider `builtin`): order
by code point, letters by Unicode, the same on every system and after every upgrade of its libc.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import settings
from .errors import explain
from .folder import Folder, sync_dir
from .identity import Identity
from .passwords import APPLICATION, SUPERUSER, Passwords
from .processes import stop_servers


def environment() -> dict[str, str]:
    """What PostgreSQL's programs may see: nothing of the user's PG* variables, and no locale."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def initialise(folder: Folder, identity: Identity, passwords: Passwords) -> None:
    """Make the cluster, whole or not at all: it gets its name when everything is in it.

    Raises `EmbeddedPostgresError`. Killed half-way, the next call starts afresh.
    """
    draft = folder.home / "cluster.draft"
    if draft.exists():
        stop_servers(draft, [(signal.SIGKILL, 5)])
        shutil.rmtree(draft)
    _run(
        folder,
        identity,
        [
            identity.binaries.program("initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            # Nobody gets in until our own rules are in place.
            "--auth=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
        ],
    )
    with open(draft / "postgresql.conf", "a", encoding="utf-8") as file:
        file.write(f"\ninclude = '{settings.FILE}'\n")
    configure(folder, identity, cluster=draft)
    _single_user(
        folder,
        identity,
        draft,
        [
            _set_password(SUPERUSER, passwords.superuser),
            f"CREATE ROLE {APPLICATION} LOGIN CREATEDB PASSWORD '{passwords.application}'",
            f"CREATE DATABASE {APPLICATION} OWNER {APPLICATION}",
        ],
    )
    draft.rename(folder.cluster)
    sync_dir(folder.home)


def reset_passwords(folder: Folder, identity: Identity, passwords: Passwords) -> None:
    """Tell an existing, stopped cluster new passwords: somebody deleted the files."""
    _single_user(
        folder,
        identity,
        folder.cluster,
        [
            _set_password(SUPERUSER, passwords.superuser),
            _set_password(APPLICATION, passwords.application),
        ],
    )


def configure(folder: Folder, identity: Identity, *, cluster: Path) -> None:
    """Write our settings and access rules, readable for the identity that runs the server."""
    for name, content in (
        (settings.FILE, settings.text(folder)),
        ("pg_hba.conf", settings.HBA.encode()),
    ):
        path = cluster / name
        draft = cluster / f"{name}.draft"
        draft.unlink(missing_ok=True)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        if identity.kind == "system":
            os.chown(draft, identity.uid, identity.gid)
        draft.replace(path)


def _set_password(role: str, password: str) -> str:
    # Passwords are URL-safe base64 of our own making: nothing in them needs quoting.
    return f"ALTER ROLE {role} PASSWORD '{password}'"


def _single_user(
    folder: Folder, identity: Identity, cluster: Path, statements: Sequence[str]
) -> None:
    """Run statements with no server up: nobody can connect meanwhile, and none is logged."""
    _run(
        folder,
        identity,
        [
            identity.binaries.program("postgres"),
            "--single",
            "-D",
            str(cluster),
            # A failed statement must end in a failed start, not in half a cluster.
            "-c",
            "exit_on_error=on",
            "-c",
            "log_min_messages=error",
            "postgres",
        ],
        stdin="".join(f"{statement}\n" for statement in statements),
    )


def _run(folder: Folder, identity: Identity, command: list[str], stdin: str = "") -> None:
    done = subprocess.run(
        command,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder.home,
        env=environment(),
        preexec_fn=identity.before_exec(signal.SIGTERM),
        check=False,
    )
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").splitlines()
        raise explain(said, data=folder.data, log=folder.keeper_log)
