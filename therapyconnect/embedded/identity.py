"""As whom PostgreSQL runs, since it refuses to run as root.

- A normal user: as that user.
- Root: inside a user namespace. Nothing changes on the disk, and a checkout below a folder that
  only root may enter still works.
- Root where namespaces are refused: as a system user, with the cluster and a copy of the programs
  in a folder that this user can reach.

Two environment variables, both for the operator:
`THERAPYCONNECT_EMBEDDED_USERNS=off` leaves user namespaces unused, as if they were refused;
`THERAPYCONNECT_EMBEDDED_HOME` is where the system user's folder is made
(`/var/lib/therapyconnect-embedded`).
"""

from __future__ import annotations

import os
import pwd
import resource
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .binaries import Binaries
from .errors import EmbeddedPostgresError
from .folder import Folder, read_path, write_path
from .processes import die_with_parent, enter_user_namespace

USERNS = "THERAPYCONNECT_EMBEDDED_USERNS"
HOME = "THERAPYCONNECT_EMBEDDED_HOME"
_DEFAULT_HOME = "/var/lib/therapyconnect-embedded"
_SYSTEM_USERS = ("therapyconnect", "postgres", "nobody")


@dataclass(frozen=True)
class Identity:
    """How a program of PostgreSQL is started, and which copy of the programs is used."""

    kind: Literal["self", "namespace", "system"]
    binaries: Binaries
    uid: int
    gid: int

    def become(self) -> None:
        """Turn this process into that identity; for good."""
        if self.kind == "namespace":
            enter_user_namespace()
        elif self.kind == "system":
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)

    def before_exec(self, on_parent_death: signal.Signals) -> Callable[[], None]:
        """What a child does between fork and exec; the caller must have one thread only."""
        parent = os.getpid()

        def prepare() -> None:
            self.become()
            os.umask(0o077)
            # A core file would hold patients' words.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            die_with_parent(on_parent_death)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

        return prepare


def choose(folder: Folder, binaries: Binaries) -> Identity:
    """The identity for the server on `folder`; call it with the keeper's lock held.

    Raises `EmbeddedPostgresError` when none can be had.
    """
    if os.geteuid() != 0:
        return Identity("self", binaries, os.geteuid(), os.getegid())
    namespace = Identity("namespace", binaries, 0, 0)
    if read_path(folder.data / "elsewhere") is None:
        if os.environ.get(USERNS) != "off" and _works(namespace, folder.data):
            return namespace
        if folder.exists():
            raise EmbeddedPostgresError(
                f"PostgreSQL refuses to run as root, this system refuses user namespaces, and "
                f"{folder.data} belongs to root: give that folder to a normal user and start as "
                "that user."
            )
    return _system(folder, binaries)


def _system(folder: Folder, binaries: Binaries) -> Identity:
    """A system user with a folder of its own, which is put on record in the data folder."""
    reason = f"none of the users {', '.join(_SYSTEM_USERS)} exists"
    elsewhere = read_path(folder.data / "elsewhere")
    base = elsewhere.parent if elsewhere else Path(os.environ.get(HOME) or _DEFAULT_HOME)
    try:
        base.mkdir(mode=0o755, parents=True, exist_ok=True)
        copy = binaries.copy_to(base)
        for name in _SYSTEM_USERS:
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            identity = Identity("system", copy, user.pw_uid, user.pw_gid)
            home = elsewhere or base / secrets.token_hex(8)
            if not home.exists():
                home.mkdir(mode=0o700)
                os.chown(home, user.pw_uid, user.pw_gid)
            elif home.stat().st_uid != user.pw_uid:
                continue
            if _works(identity, home):
                if elsewhere is None:
                    write_path(folder.data / "elsewhere", home)
                return identity
            reason = f"{name} cannot use {home}"
            if elsewhere is None:
                home.rmdir()
    except OSError as error:
        reason = str(error)
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and neither a user namespace nor a system user can be "
        f"had here ({reason}): start as a normal user, or set DATABASE_URL to a server of your own."
    )


def _works(identity: Identity, folder: Path) -> bool:
    """Try it for real: take the identity, write in `folder`, run the server program."""
    pid = os.fork()
    if pid == 0:
        try:
            identity.become()
            probe = folder / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
            quiet = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(quiet, fd)
            program = identity.binaries.program("postgres")
            os.execv(program, [program, "--version"])  # noqa: S606 - our own program, no shell
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
