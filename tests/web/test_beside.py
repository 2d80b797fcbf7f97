"""`make run` builds the client beside a server that serves already, and that goes on whatever
becomes of the build."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.processes import runs, told_pid, when
from tests.harness.server import LiveServer
from tests.web.checkouts import build_for_ever, product, sources

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None, reason="no Node on this machine: the build is not tested"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return sources(product(tmp_path / "checkout"))


@pytest.fixture
def server(checkout: Path, tmp_path: Path) -> Iterator[LiveServer]:
    """Not started: the test says when."""
    data = tmp_path / "data"
    data.mkdir()
    command = [sys.executable, str(checkout / "manage.py"), "run", "--build-web"]
    env = {"npm_config_offline": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    with own_database(SERVER_URL) as url:
        live = LiveServer(data, database_url=url, command=command, env=env)
        yield live
        live.stop()


def page(server: LiveServer) -> str:
    return httpx.get(server.base + "/", timeout=20).text


def test_it_is_built_while_the_server_serves(server: LiveServer) -> None:
    server.start()
    when(lambda: "<p>built" in page(server))
    log = when(lambda: "The web client is built" in server.log_text() and server.log_text())
    assert f"  web     http://localhost:{server.port}/\n" in log
    assert "Building the web client" in log
    assert server.stop() == 0
    server.start()
    assert "<p>built" in page(server)
    server.stop()
    assert server.log_text().count("Building the web client") == 1


def test_a_build_that_fails_is_a_line_here_and_there(server: LiveServer, checkout: Path) -> None:
    (checkout / "clients/web/build.mjs").write_text("throw new Error('no <such> colour');\n")
    server.start()
    text = when(lambda: "failed" in page(server) and page(server))
    assert "no &lt;such&gt; colour" in text
    log = server.log_text()
    (line,) = [line for line in log.splitlines() if "could not be built" in line]
    assert "no <such> colour" in line
    assert httpx.get(server.base + "/health/ready", timeout=20).status_code == 200
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_build_ends_with_the_server(server: LiveServer, checkout: Path, number: int) -> None:
    build_for_ever(checkout)
    server.start()
    node = told_pid(checkout / "clients/web/pid")
    assert "Being built" in page(server)
    priority = Path(f"/proc/{node}/stat").read_text().rpartition(")")[2].split()[16]
    assert priority == "19"
    assert server.stop(number) == 0
    when(lambda: not runs(node))
