"""The wheel: it holds the built client, and what is installed from it serves that."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import ROOT, LiveServer
from tests.web.built import built_client


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make wheel` makes it, of this checkout."""
    built_client()
    folder = tmp_path_factory.mktemp("wheel")
    script = [sys.executable, "scripts/wheel.py", "-d", str(folder)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("therapyconnect-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Two workers of what the wheel installs, started by its own command."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
           "--disable-pip-version-check", "--target", str(folder / "site"), str(wheel)]  # fmt: skip
    subprocess.run(pip, check=True, timeout=300)
    (folder / "data").mkdir()
    with own_database(SERVER_URL) as url:
        server = LiveServer(
            folder / "data", database_url=url,
            command=[sys.executable, str(folder / "site/bin/therapyconnect"), "run"],
            env={"PYTHONPATH": str(folder / "site"), "THERAPYCONNECT_WORKERS": "2"},
        )  # fmt: skip
        server.start()
        yield server
        server.stop()


def test_the_wheel_holds_the_client_and_names_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = [name for name in names if name.endswith("/METADATA")]
        needs = archive.read(metadata).decode()
    held = {name.removeprefix("therapyconnect/web/dist/") for name in names if "/dist/" in name}
    assert "index.html" in held
    assert {Path(n).suffix for n in held if n.startswith("assets/")} == {
        ".js",
        ".css",
        ".br",
        ".gz",
    }
    assert not [n for n in names if n.startswith(("tests/", "clients/")) or "node_modules" in n]
    assert "Requires-Dist: django~=5.2.0" in needs
    # Nothing but code is left out: each file of the package is there.
    for file in (ROOT / "therapyconnect").rglob("*"):
        if file.is_file() and file.suffix != ".pyc" and "dist" not in file.parts:
            assert file.relative_to(ROOT).as_posix() in names


def test_what_it_installs_serves_the_client(installed: LiveServer) -> None:
    with httpx.Client(base_url=installed.base, timeout=20) as http:
        page = http.get("/")
        assert page.status_code == 200
        scripts = [part.split('"')[0] for part in page.text.split('src="')[1:]]
        assert scripts
        for script in scripts:
            assert http.get(script).headers["Content-Encoding"] in ("br", "gzip")
    assert installed.login("therapist@demo.test")["access_token"]
