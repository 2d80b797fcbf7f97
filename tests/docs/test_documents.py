"""Both documents for machines: AsyncAPI's own parser takes it, and clients made of them compile.

The node packages are installed from the lock into a temporary copy of `clients`, once. Without
node, npm or a way to the packages, these tests are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import allauth.headless
import httpx
import pytest

from tests.api.calls import connect, ok
from tests.harness.server import PASSWORD, LiveServer, Pair

CLIENTS = Path(__file__).parent / "clients"
LOG_IN = Path(allauth.headless.__file__).parent / "spec" / "doc" / "openapi.yaml"
NODE = 20
AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT")
# As an integrator is told to: a default of a request is no duty, an open object is open.
FLAGS = ["--default-non-nullable=false", "--empty-objects-unknown"]
ROOT_TYPES = ["--root-types", "--root-types-no-schema-prefix", "--root-types-keep-casing"]


def _need_node() -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the documents' clients are not compiled")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v(\d+)", said)
    if found is None or int(found[1]) < NODE:
        pytest.skip(f"node {said.strip()} is older than {NODE}: clients are not compiled")


class Tools:
    """A folder with the packages installed; `run` gives output and status, unchecked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env={**os.environ, **env}, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip

    def package(self, program: str, *options: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.folder / "node_modules" / ".bin" / program), *options)

    def compile(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.package("tsc", "--pretty", "false", *options)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    _need_node()
    folder = tmp_path_factory.mktemp("documents") / "clients"
    shutil.copytree(CLIENTS, folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = Tools(folder)
    done = installed.run(
        "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"
    )
    if done.returncode and any(sign in done.stderr for sign in AWAY):
        pytest.skip("npm has no way to its packages: the documents' clients are not compiled")
    assert done.returncode == 0, done.stderr[-3000:]
    return installed


@pytest.fixture(scope="module")
def generated(tools: Tools, server: LiveServer) -> Path:
    """Types of all three documents: the API's, the sockets', and allauth's for log-in."""
    folder = tools.folder
    with connect(server, None) as api:
        (folder / "api.json").write_text(api.get("schema/").text)
        sockets = ok(api.get("asyncapi/"))
    # The schemas of the frames as those of an API without paths.
    wrapped = {
        "openapi": "3.1.0",
        "info": {"title": sockets["info"]["title"], "version": sockets["info"]["version"]},
        "paths": {},
        "components": {"schemas": sockets["components"]["schemas"]},
    }
    (folder / "asyncapi.json").write_text(json.dumps(sockets))
    (folder / "frames.json").write_text(json.dumps(wrapped))
    for source, name, more in (
        ("api.json", "api", []),
        ("frames.json", "frames", ROOT_TYPES),
        (str(LOG_IN), "auth", []),
    ):
        output = f"generated/{name}.ts"
        done = tools.package("openapi-typescript", source, "-o", output, *FLAGS, *more)
        assert done.returncode == 0, done.stderr
    return folder


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((CLIENTS / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name
    wanted = json.loads((CLIENTS / "package.json").read_text())["devDependencies"]
    assert lock["packages"][""]["devDependencies"] == wanted


def test_asyncapis_own_parser_takes_it(tools: Tools, generated: Path) -> None:
    done = tools.run("node", "validate.mjs", "asyncapi.json")
    assert done.returncode == 0, done.stdout + done.stderr
    *found, summary = [json.loads(line) for line in done.stdout.splitlines()]
    # Severity 0 is an error, 1 a warning; that 3.1 exists is neither.
    assert [one for one in found if one["severity"] < 2] == []
    assert {one["code"] for one in found} <= {"asyncapi-latest-version"}
    assert summary["version"] == "3.0.0"
    assert summary["channels"] == ["/ws/chat/{chat_id}/", "/ws/notifications/{user_id}/"]
    assert {action for _, action in summary["operations"]} == {"send", "receive"}


def test_the_parser_does_find_faults(tools: Tools, generated: Path) -> None:
    broken: dict[str, Any] = json.loads((generated / "asyncapi.json").read_text())
    broken["operations"]["chat.hear"]["action"] = "shout"
    del broken["info"]["version"]
    (generated / "broken.json").write_text(json.dumps(broken))
    done = tools.run("node", "validate.mjs", "broken.json")
    assert done.returncode == 1
    assert '"severity":0' in done.stdout


def test_a_client_on_the_generated_types_compiles_and_works(
    tools: Tools, generated: Path, server: LiveServer, pair: Pair
) -> None:
    done = tools.compile("-p", "tsconfig.json")
    assert done.returncode == 0, done.stdout
    worked = tools.run(
        "node", "--experimental-websocket", "out/client.js",
        BASE=server.base, CHAT=pair.chat_id, PASSWORD=PASSWORD,
        EMAIL=f"{pair.therapist_id}@demo.test",
        OTHER_EMAIL=f"{pair.patient_id}@demo.test", OTHER_ID=pair.patient_id,
    )  # fmt: skip
    assert worked.returncode == 0, worked.stderr
    assert json.loads(worked.stdout) == {
        "sent": "Hello",
        "listed": [1],
        "events": ["message_created"],
        "heard": ["connection_established", "new_message", "resumed", "message_read_receipt"],
    }


def test_what_is_wrong_does_not_compile(tools: Tools, generated: Path) -> None:
    done = tools.compile("--noEmit", "-p", "tsconfig.wrong.json")
    assert done.returncode != 0
    refused = {int(line) for line in re.findall(r"^wrong\.ts\((\d+),", done.stdout, re.M)}
    assert not re.findall(r"^(?!wrong\.ts| ).+", done.stdout, re.M), done.stdout
    lines = (CLIENTS / "wrong.ts").read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("// wrong")}
    assert len(marked) >= 15
    assert refused == marked


def test_types_need_the_flags_that_the_guide_names() -> None:
    guide = (CLIENTS.parents[2] / "docs" / "guide" / "integrate.md").read_text()
    for flag in (*FLAGS, *ROOT_TYPES):
        assert flag in guide


def test_the_documents_do_not_fetch_anything(server: LiveServer) -> None:
    """What a tool would follow: references stay inside the document."""
    for name in ("schema/", "asyncapi/"):
        text = httpx.get(f"{server.base}/api/{name}", timeout=30).text
        assert all(target.startswith("#/") for target in re.findall(r'"\$ref":\s*"([^"]+)"', text))
