"""`scripts/bootstrap.py`: what is in the way is told in one line; a warm start does nothing.

Nothing here needs a network: installing is for `make` itself.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.harness.server import free_port

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose `.venv` is as after an installation; its server only tells of itself."""
    folder = tmp_path / "check out"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPT, folder / "scripts")
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt"):
        (folder / name).write_text(f"# {name}\n")
    (folder / "manage.py").write_text("import os, sys; print('started', *sys.argv, os.getpid())\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    stamp = (
        "import sys, json; sys.path.insert(0, 'scripts'); import bootstrap as b;"
        "json.dump({'requirements.txt': b.digest('requirements.txt'),"
        "'python': b.environment_python()}, open(b.STAMP, 'w'))"
    )
    subprocess.run([sys.executable, "-B", "-c", stamp], cwd=folder, check=True)
    return folder


def start(checkout: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOST", "PORT", "THERAPYCONNECT_DATA", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        [*(command or (sys.executable, "scripts/bootstrap.py", "run"))],
        cwd=checkout,
        env={**kept, "PORT": str(free_port()), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_warm_start_installs_nothing_and_becomes_the_program(checkout: Path) -> None:
    stamp = checkout / ".venv" / "installed.json"
    before = stamp.stat().st_mtime_ns
    done = start(checkout)
    # An installation says so first, and writes the stamp anew.
    assert done.stdout.startswith("started manage.py run --build-web"), done
    assert stamp.stat().st_mtime_ns == before


def test_it_becomes_the_program_and_starts_none(checkout: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "scripts/bootstrap.py", "run", "more"],
        cwd=checkout,
        env={**os.environ, "PORT": str(free_port())},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        out, _ = process.communicate(timeout=30)
        assert out.split() == [
            "started", "manage.py", "run", "--build-web", "more", str(process.pid)
        ]  # fmt: skip


def test_a_busy_port(checkout: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        line = one_line(start(checkout, PORT=str(port)))
    assert f"Port {port}" in line
    assert "set PORT=" in line


def test_a_port_that_was_just_used_is_free(checkout: Path) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        port = free_port()
        server.bind(("127.0.0.1", port))
        server.listen()
        client = socket.create_connection(("127.0.0.1", port))
        peer, _ = server.accept()
        peer.close()  # the server's side closes first: TIME_WAIT is here
        client.close()
    assert start(checkout, PORT=str(port)).returncode == 0


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_no_port(checkout: Path, port: str) -> None:
    assert "PORT is a number" in one_line(start(checkout, PORT=port))


def test_no_address(checkout: Path) -> None:
    assert "HOST=" in one_line(start(checkout, HOST="192.0.2.77"))


def test_a_data_folder_that_is_a_file(checkout: Path) -> None:
    (checkout / "taken").write_text("")
    line = one_line(start(checkout, THERAPYCONNECT_DATA=str(checkout / "taken" / "var")))
    assert "is no folder" in line


def test_a_data_folder_that_cannot_be_written(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:  # root may write everywhere, so the kernel's answer is put in its mouth
        monkeypatch.setattr(os, "access", lambda *_: False)
    tmp_path.chmod(0o500)
    with pytest.raises(bootstrap.Refusal, match="cannot be written by this user"):
        bootstrap.check_data_folder(str(tmp_path / "not" / "there"))
    assert not (tmp_path / "not").exists()
    tmp_path.chmod(0o700)


def fake_python(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_only_an_old_python(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path, "python3", "echo False True 3.9")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(bootstrap.Refusal, match=r"needs Python 3\.11 or newer, and this is 3\.9"):
        bootstrap.find_python()


def test_a_shim_that_fails_is_passed_over(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path, "python3.13", "echo 'version not set' >&2; exit 127")
    fake_python(tmp_path, "python3.12", "echo True True 3.12")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "")
    assert bootstrap.find_python() == str(tmp_path / "python3.12")


def test_a_missing_venv_module(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path, "python3", "echo True False 3.11")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(bootstrap.Refusal, match=r"apt install python3\.11-venv"):
        bootstrap.find_python()


def test_the_script_is_understood_by_python_3_6() -> None:
    """Parsed with the grammar of then: it must live to say that this Python is too old."""
    import ast

    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


@pytest.mark.parametrize(
    "changed", ["requirements.txt", ".venv/bin/python", ".venv/installed.json"]
)
def test_what_makes_it_install_again(
    bootstrap: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", str(checkout))
    monkeypatch.setattr(bootstrap, "VENV", str(checkout / ".venv"))
    monkeypatch.setattr(bootstrap, "PYTHON", str(checkout / ".venv/bin/python"))
    monkeypatch.setattr(bootstrap, "STAMP", str(checkout / ".venv/installed.json"))
    done: list[str] = []

    def install(lock: str) -> None:
        done.append(f"install {lock}")
        assert not Path(bootstrap.STAMP).exists(), "an interruption would go unnoticed"

    def make_environment() -> None:
        done.append("make")
        (checkout / ".venv/bin/python").unlink(missing_ok=True)
        (checkout / ".venv/bin/python").symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap, "install", install)
    monkeypatch.setattr(bootstrap, "make_environment", make_environment)
    bootstrap.prepare("requirements.txt")
    assert done == []
    if changed == "requirements.txt":
        (checkout / changed).write_text("# newer\n")
        expected = ["install requirements.txt"]
    else:
        (checkout / changed).unlink()
        expected = ["make", "install requirements.txt"]
    bootstrap.prepare("requirements.txt")
    assert done == expected
    bootstrap.prepare("requirements.txt")
    assert done == expected
    # The development lock is a superset: with it in, `run` has nothing to do, nor to take away.
    bootstrap.prepare("requirements-dev.txt")
    bootstrap.prepare("requirements.txt")
    assert done == [*expected, "install requirements-dev.txt"]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("sig", ["TERM", "INT"])
def test_make_passes_signals_on(checkout: Path, sig: str) -> None:
    """To make alone, as a supervisor sends it; the program ends in its own way first."""
    (checkout / "manage.py").write_text(
        "import signal, sys, time\n"
        "def stop(*_):\n    print('stopping', flush=True); time.sleep(0.3)\n"
        "    print('stopped', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop); signal.signal(signal.SIGINT, stop)\n"
        "print('serving', flush=True)\nwhile True: time.sleep(1)\n"
    )
    with subprocess.Popen(
        ["make", "run", f"PYTHON={sys.executable}"],
        cwd=checkout,
        env={**os.environ, "PORT": str(free_port())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        if sig == "INT":  # Ctrl-C goes to the whole group
            os.killpg(process.pid, 2)
        else:
            process.terminate()
        out, err = process.communicate(timeout=20)
        assert out == "stopping\nstopped\n"
        assert "Error" not in err
