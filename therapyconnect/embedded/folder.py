"""The folder of one embedded server: what lies where, and whether it can be used.

data/                  0700, ours
  keeper.lock          locked by the keeper for as long as it lives
  superuser.password   0600
  application.password 0600
  run/                 0700, the server's socket and the keeper's
  log/                 postgres.log, keeper.log, each with one older part
  cluster/             0700, PostgreSQL's own data
  sockets              where the sockets are instead, when the path here is too long
  elsewhere            where the cluster is instead, when a system user must run it
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .binaries import MAJOR
from .errors import OWN_SERVER, EmbeddedPostgresError, explain_os_error

PORT = 5432
SERVER_SOCKET = f".s.PGSQL.{PORT}"
CONTROL_SOCKET = "keeper.sock"

# sockaddr_un holds 108 bytes, the last of them a zero.
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class Folder:
    """The data folder, by its real absolute path."""

    data: Path

    @classmethod
    def at(cls, data: Path) -> Folder:
        """Every way to write the same folder gives the same sockets and the same lock."""
        return cls(Path(os.path.realpath(data)))

    @property
    def lock(self) -> Path:
        return self.data / "keeper.lock"

    @property
    def server_log(self) -> Path:
        return self.data / "log" / "postgres.log"

    @property
    def keeper_log(self) -> Path:
        return self.data / "log" / "keeper.log"

    @property
    def home(self) -> Path:
        """Where the cluster is: here, or in the system user's folder that is on record."""
        elsewhere = read_path(self.data / "elsewhere")
        return self.data if elsewhere is None else elsewhere

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def postmaster_pid(self) -> Path:
        return self.cluster / "postmaster.pid"

    @property
    def control_dir(self) -> Path:
        """The folder of the keeper's socket: here, or the private one that is on record."""
        recorded = read_path(self.data / "sockets")
        return self.data / "run" if recorded is None else recorded

    @property
    def control_socket(self) -> Path:
        return self.control_dir / CONTROL_SOCKET

    @property
    def server_socket_dir(self) -> Path:
        return self.control_dir if self.home == self.data else self.home / "run"

    def exists(self) -> bool:
        """Whether a cluster has been made."""
        return (self.cluster / "PG_VERSION").exists()

    def prepare(self) -> None:
        """Make the folder and check that it can hold the server.

        Parents are made as the umask says and never changed; modes are set on what is ours alone.
        Raises `EmbeddedPostgresError`.
        """
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._refuse_other_major()
            if stat.S_IMODE(self.data.stat().st_mode) != 0o700:
                self.data.chmod(0o700)
            for name in ("log", "run"):
                private_dir(self.data / name)
            probe = self.data / f".probe-{secrets.token_hex(4)}"
            try:
                probe.write_bytes(b"x")
            finally:
                probe.unlink(missing_ok=True)  # a full disk makes the file, and takes no byte
        except OSError as error:
            raise explain_os_error(error, data=self.data) from error

    def _refuse_other_major(self) -> None:
        for folder in (self.data, self.cluster):
            with suppress(FileNotFoundError):
                found = (folder / "PG_VERSION").read_text().strip()
                if folder == self.data or found != str(MAJOR):
                    raise EmbeddedPostgresError(
                        f"{folder} holds a database of PostgreSQL {found}, and this version "
                        f"brings PostgreSQL {MAJOR}: dump it with PostgreSQL {found}, move the "
                        f"folder away and restore it here, {OWN_SERVER}."
                    )

    def make_socket_dirs(self) -> None:
        """Make the sockets' folder; call it with the keeper's lock held.

        Where the path would be too long for a socket, or holds a comma (which separates hosts in
        a libpq URL), a private folder is made elsewhere and put on record.
        """
        private_dir(self.data / "run")
        here = self.data / "run"
        if fits_a_socket(here):
            (self.data / "sockets").unlink(missing_ok=True)
            return
        recorded = read_path(self.data / "sockets")
        if recorded is not None:
            # The same name again if we can: a running application keeps its URL.
            with suppress(FileExistsError):
                recorded.mkdir(mode=0o700)
            found = recorded.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                recorded.chmod(0o700)
                return
        place = Path(tempfile.gettempdir())
        if not fits_a_socket(place / "therapyconnect-12345678"):
            place = Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
        write_path(
            self.data / "sockets", Path(tempfile.mkdtemp(prefix="therapyconnect-", dir=place))
        )


def fits_a_socket(folder: Path) -> bool:
    """Whether our sockets can be in `folder`."""
    path = os.fsencode(folder / SERVER_SOCKET)
    return len(path) <= _LONGEST_SOCKET_PATH and b"," not in path


def private_dir(folder: Path) -> None:
    """Make `folder` if need be, for its owner alone; only a folder of ours may be passed."""
    folder.mkdir(exist_ok=True, mode=0o700)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)
    keep_owner(folder)


def keep_owner(path: Path) -> None:
    """Give `path` to the owner of its folder: root must not lock a normal user out of it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        if path.stat().st_uid != owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)


def write_private(path: Path, content: bytes) -> None:
    """Write a 0600 file whole or not at all, durably."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    draft.replace(path)
    sync_dir(path.parent)


def write_path(file: Path, path: Path) -> None:
    """Put a path on record, with bytes that are not UTF-8 kept as they are."""
    write_private(file, os.fsencode(path) + b"\n")


def read_path(file: Path) -> Path | None:
    """The path that `file` records, or None."""
    try:
        content = file.read_bytes().rstrip(b"\n")
    except FileNotFoundError:
        return None
    return Path(os.fsdecode(content)) if content else None


def sync_dir(folder: Path) -> None:
    """Make what was renamed or created in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
