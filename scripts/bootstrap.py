#!/usr/bin/env python3
"""Gets a checkout ready and starts one of its programs: what `make` calls.

    python3 scripts/bootstrap.py run|web|wheel|test|check|bench|lock [ARGUMENT…]

Only the standard library, and only syntax of Python 3.6, so that an old Python gets to say one
clear line. Installs into `.venv` of the checkout; a stamp there makes all later starts skip it.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys

OLDEST = (3, 11)
SEARCHED = ("python3.13", "python3.12", "python3.11", "python3")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed.json")

RUN_LOCK = "requirements.txt"
DEV_LOCK = "requirements-dev.txt"  # a superset of the other
UV_LOCK = "requirements-uv.txt"

# Program -> what it needs installed, and how the environment's Python starts it.
PROGRAMS = {
    "run": (RUN_LOCK, ["manage.py", "run", "--build-web"]),
    "web": (RUN_LOCK, ["scripts/web.py"]),
    "wheel": (DEV_LOCK, ["scripts/wheel.py"]),
    "test": (DEV_LOCK, ["-m", "pytest", "--numprocesses=2"]),
    "check": (DEV_LOCK, ["scripts/check.py"]),
    "bench": (DEV_LOCK, ["-m", "bench"]),
    "lock": (RUN_LOCK, ["scripts/lock.py"]),
}


class Refusal(Exception):
    """Something is in the way; the message is one line that says what to do."""


def main(argv: "list[str]") -> int:
    """Prepare, then become the program: its signals and its exit status are ours."""
    if len(argv) < 2 or argv[1] not in PROGRAMS:
        print("usage: bootstrap.py " + "|".join(PROGRAMS) + " [ARGUMENT…]", file=sys.stderr)
        return 2
    lock, command = PROGRAMS[argv[1]]
    os.chdir(ROOT)
    try:
        if argv[1] == "run":
            check_port(os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000")
            check_data_folder(data_folder())
        prepare(lock)
        sys.stdout.flush()
        os.execv(PYTHON, [PYTHON, *command, *argv[2:]])
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
    except PermissionError as error:
        print(f"{error.filename or ROOT} cannot be written by this user.", file=sys.stderr)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            print(f"The disk that holds {ROOT} is full: free some space.", file=sys.stderr)
        elif error.errno == errno.EROFS:
            print(f"{ROOT} is on a read-only file system: copy the checkout.", file=sys.stderr)
        else:
            print(f"The installation failed: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 2


# What may be in the way of `run`


def check_port(host: str, port: str) -> None:
    """Refuse a port that the server could not listen on."""
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Refusal(f"PORT is a number from 1 to 65535, not {port!r}: set PORT=8000.")
    not_ours = f"HOST={host} is no address of this machine: set HOST=127.0.0.1."
    try:
        found = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror:
        raise Refusal(not_ours) from None
    family, kind, protocol, _, address = found[0]
    with contextlib.closing(socket.socket(family, kind, protocol)) as probe:
        # As the server will: a socket in TIME_WAIT is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            # Binding alone passes where another socket with the same option is bound.
            probe.listen(1)
        except PermissionError:
            raise Refusal(
                f"This user may not listen on port {port}: set PORT=8000 (1024 or above)."
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = int(port) + 1 if int(port) < 65535 else 8000
                raise Refusal(
                    f"Port {port} on {host} is in use: stop what uses it, or set PORT={other}."
                ) from None
            if error.errno == errno.EADDRNOTAVAIL:
                raise Refusal(not_ours) from None
            raise Refusal(f"Nothing can listen on {host} port {port}: {error.strerror}.") from None


def data_folder() -> str:
    """Where the installation keeps its database, keys and uploads."""
    return os.path.abspath(os.environ.get("THERAPYCONNECT_DATA") or os.path.join(ROOT, "var"))


def check_data_folder(folder: str) -> None:
    """Refuse a data folder that cannot be written, or not be made."""
    place = folder
    while not os.path.lexists(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise Refusal(f"{place} is no folder: set THERAPYCONNECT_DATA to one that can be written.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise Refusal(
            f"The data folder {folder} cannot be written by this user: change its owner, or set "
            "THERAPYCONNECT_DATA to a folder of your own."
        )


# The environment


def prepare(lock: str) -> None:
    """Have `.venv` hold everything in the file `lock`; what else is in it stays."""
    wanted = digest(lock)
    if installed().get(lock) == wanted:
        return
    # One at a time. The lock is on the checkout's folder itself, and the kernel drops it.
    fd = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        stamp = installed()
        if stamp.get(lock) == wanted:
            return
        if not stamp.get("python"):
            make_environment()
        # Gone until all is in: an interrupted installation is done again by the next run.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(STAMP)
        print(f"Installing {lock} into .venv (once) …", flush=True)
        install(lock)
        stamp = {name: stamp[name] for name in stamp if name.endswith(".txt")}
        stamp[lock] = wanted
        if lock == DEV_LOCK:
            stamp[RUN_LOCK] = digest(RUN_LOCK)
        stamp["python"] = environment_python()
        with open(STAMP + ".draft", "w", encoding="utf-8") as file:
            json.dump(stamp, file)
        os.replace(STAMP + ".draft", STAMP)
    finally:
        os.close(fd)


def installed() -> "dict[str, str]":
    """The stamp; empty when there is none, or when it is of another Python than `.venv` has."""
    try:
        with open(STAMP, encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(stamp, dict) or stamp.get("python") != environment_python():
        return {}
    return {str(name): str(value) for name, value in stamp.items()}


def environment_python() -> str:
    """What `.venv` was made of, and that its Python is still there; empty if not."""
    if not os.access(PYTHON, os.X_OK):
        return ""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg"), encoding="utf-8") as file:
            lines = dict(line.split(" = ", 1) for line in file.read().splitlines() if " = " in line)
    except OSError:
        return ""
    return lines.get("version", "") + " " + os.path.realpath(PYTHON)


def digest(lock: str) -> str:
    """The hash of a lock file."""
    try:
        with open(os.path.join(ROOT, lock), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        raise Refusal(f"{lock} is missing from the checkout: get it whole.") from None


def make_environment() -> None:
    """Make `.venv` anew with the first Python that will do."""
    python = find_python()
    print(f"Making .venv with {python} …", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run(
        [python, "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
        shutil.rmtree(VENV, ignore_errors=True)
        raise Refusal(f"{python} could not make .venv: {lines[-1]}")


def find_python() -> str:
    """A Python that is new enough, really runs, and can make environments."""
    without_venv = ""
    for candidate in (sys.executable, *SEARCHED):
        path = shutil.which(candidate) if candidate else None
        if path is None:
            continue
        # A version manager's shim may be there and yet fail: only an answer counts.
        code = (
            f"import sys, importlib.util as u; print(sys.version_info >= {OLDEST!r}, "
            "all(map(u.find_spec, ('venv', 'ensurepip'))), '%d.%d' % sys.version_info[:2])"
        )
        try:
            done = subprocess.run(
                [path, "-c", code],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=30,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        said = done.stdout.decode(errors="replace").split()
        if done.returncode != 0 or len(said) != 3 or said[0] != "True":
            continue
        if said[1] == "True":
            return path
        without_venv = without_venv or said[2]
    if without_venv:
        raise Refusal(
            f"Python {without_venv} lacks its venv module: install it, on Debian and Ubuntu with "
            f"`apt install python{without_venv}-venv`."
        )
    raise Refusal(
        "TherapyConnect needs Python {}.{} or newer, and this is {}.{}: install a newer one, on "
        "Debian and Ubuntu with `apt install python3 python3-venv`.".format(
            *(OLDEST + tuple(sys.version_info[:2]))
        )
    )


def install(lock: str) -> None:
    """Install a lock file, each file checked against its hash; uv where it can be had, else pip."""
    options = ["--require-hashes", "-r", lock]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    uv = os.path.join(VENV, "bin", "uv")
    pip = [PYTHON, "-m", "pip", "install", *quiet]
    if runs([*pip, "--only-binary=:all:", "--require-hashes", "-r", UV_LOCK], quiet=True) and runs(
        [uv, "pip", "install", "--quiet", "--python", PYTHON, *options], quiet=True
    ):
        return
    print("uv cannot be used here; installing with pip, which takes longer …", flush=True)
    if not runs([*pip, *options]):
        raise Refusal(f"{lock} could not be installed: the lines above say why; then run it again.")


def runs(command: "list[str]", quiet: bool = False) -> bool:
    """Run it; whether it succeeded."""
    sink = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.run(command, stdout=sink, stderr=sink).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv))
