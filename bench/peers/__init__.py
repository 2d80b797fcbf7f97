"""The same work done by others: Django with Channels, and Node with socket.io.

What they run on is installed here, beside them, and only by the benchmark: the product has none of
it. Where that can't be, the peer is left out, and the run says so.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TUTORIAL, NODE = HERE / "tutorial", HERE / "node"
PYTHON = HERE.parent / ".venv" / "bin" / "python"
_LOCK = ROOT / "requirements-bench.txt"


class Absent(Exception):
    """A peer can't take part; the message says why in one line."""


def install_tutorial() -> None:
    """Have `bench/.venv` hold what `requirements-bench.txt` names, and nothing else."""
    environment = PYTHON.parents[1]
    if _stamped(environment, _LOCK):
        return
    print("Installing requirements-bench.txt into bench/.venv (once) …", flush=True)
    shutil.rmtree(environment, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(environment)], "the Django twin")
    options = ["--require-hashes", "-r", str(_LOCK)]
    uv = Path(sys.prefix, "bin", "uv")
    _run(
        [str(uv), "pip", "install", "--quiet", "--python", str(PYTHON), *options]
        if uv.exists()
        else [str(PYTHON), "-m", "pip", "install", "--quiet", "--only-binary=:all:", *options],
        "the Django twin",
    )
    _stamp(environment, _LOCK)


def install_node() -> None:
    """Have `npm ci` lay out the packages that `package-lock.json` names."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Absent("Node is missing: its rows are left out. Install node and npm (18 or newer).")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0] or 0) < 18:
        raise Absent(f"Node {version} is too old: its rows are left out. It takes 18 or newer.")
    modules, lock = NODE / "node_modules", NODE / "package-lock.json"
    if _stamped(modules, lock):
        return
    print("Installing bench/peers/node/package-lock.json (once) …", flush=True)
    _run(["npm", "ci", "--ignore-scripts", "--silent"], "the Node twin", folder=NODE)
    _stamp(modules, lock)


def versions() -> dict[str, str]:
    """What of each peer took part, for the results."""
    found = {}
    if PYTHON.exists():
        code = (
            "from importlib.metadata import version as v\n"
            "for n in ('django', 'channels', 'daphne', 'uvicorn', 'psycopg'): print(n, v(n))"
        )
        done = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True)
        found |= dict(line.split() for line in done.stdout.splitlines())
    if shutil.which("node"):
        code = (
            "for (const n of ['socket.io', 'pg', 'ws'])"
            " console.log(n, require(`./node_modules/${n}/package.json`).version);"
            "console.log('node', process.version)"
        )
        done = subprocess.run(["node", "-e", code], cwd=NODE, capture_output=True, text=True)
        found |= dict(line.split() for line in done.stdout.splitlines())
    return found


def _run(command: list[str], who: str, folder: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Absent(f"{who} could not be installed, its rows are left out: {said[-1]}")


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _stamped(folder: Path, lock: Path) -> bool:
    stamp = folder / "installed"
    return stamp.exists() and stamp.read_text() == _digest(lock)


def _stamp(folder: Path, lock: Path) -> None:
    (folder / "installed").write_text(_digest(lock))
