"""The web client as the server gives it away: which file, how packed, how long kept, to whom."""

from __future__ import annotations

import gzip
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer
from tests.web.checkouts import SCRIPT, product, write_build

ASSET = "/assets/index-a1b2c3d4.js"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server beside which no client was built, nor can be."""
    folder = tmp_path_factory.mktemp("installed")
    held = product(folder / "app")
    (folder / "data").mkdir()
    with own_database(SERVER_URL) as url:
        server = LiveServer(
            folder / "data", database_url=url,
            command=[sys.executable, str(held / "manage.py"), "run"],
        )  # fmt: skip
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def dist(installation: LiveServer) -> Path:
    """Built while the server runs, which takes it up by itself."""
    dist = installation.data.parent / "app/therapyconnect/web/dist"
    write_build(dist)
    return dist


@pytest.fixture
def http(installation: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=installation.base, headers={"Accept-Encoding": "identity"}, timeout=20
    ) as client:
        yield client


def test_without_a_build_the_page_says_so_and_looks_again(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert '<meta http-equiv="refresh"' in answer.text
    assert "make web" in answer.text
    assert "<script" not in answer.text
    assert "style" not in answer.text
    assert "favicon" not in answer.text  # which nobody has yet
    assert http.get("/api/docs/").status_code == 200
    assert '"/api/docs/"' in answer.text


def test_the_page_is_asked_for_each_time_and_sent_where_it_changed(
    http: httpx.Client, dist: Path
) -> None:
    page = http.get("/")
    assert page.text == (dist / "index.html").read_text()
    assert page.headers["Cache-Control"] == "no-cache"
    again = http.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == page.headers["ETag"]
    assert again.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
    other = http.get("/", headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


def test_an_asset_is_kept_for_ever(http: httpx.Client, dist: Path) -> None:
    answer = http.get(ASSET)
    assert answer.content == SCRIPT
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(SCRIPT))
    assert http.get("/favicon.svg").headers["Content-Type"] == "image/svg+xml"
    manifest = http.get("/manifest.webmanifest")
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    assert manifest.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"), ("br;q=0, gzip", "gzip"), ("gzip;q=0.5", "gzip"),
        ("*", "br"), ("br;q=0, *", "gzip"), ("identity", None), ("gzip;q=0.0", None), ("", None),
        ("deflate", None), ("GZIP", "gzip"), (";;,=,q", None),
    ],
)  # fmt: skip
def test_it_is_packed_as_the_client_likes(
    http: httpx.Client, dist: Path, accepts: str, coding: str | None
) -> None:
    with http.stream("GET", ASSET, headers={"Accept-Encoding": accepts}) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "accept-encoding"
    assert answer.headers["Content-Length"] == str(len(body))
    if coding == "gzip":
        assert gzip.decompress(body) == SCRIPT
    elif coding is None:
        assert body == SCRIPT
    tag = answer.headers["ETag"]
    headers = {"Accept-Encoding": accepts, "If-None-Match": f'"x", W/{tag}'}
    assert http.get(ASSET, headers=headers).status_code == 304


@pytest.mark.parametrize("path", ["/", ASSET])
def test_head_tells_of_the_file_and_sends_none(http: httpx.Client, dist: Path, path: str) -> None:
    whole, head = http.get(path), http.head(path)
    assert head.status_code == 200
    assert head.content == b""
    kept = ("ETag", "Content-Length", "Content-Type", "Cache-Control")
    assert [head.headers[k] for k in kept] == [whole.headers[k] for k in kept]
    assert http.get(path).status_code == 200  # the connection is sound


@pytest.mark.parametrize(
    "path",
    [
        "/assets/", "/assets", "/index.html", "/assets/../index.html", "/assets/../../manage.py",
        "/assets/..%2f..%2fmanage.py", "/%2e%2e/manage.py", "//etc/passwd", "/.secret",
        f"{ASSET}.gz", f"{ASSET}.br", "/index.html.draft", "/assets/index-a1b2c3d4.js%00",
        "/assets/INDEX-A1B2C3D4.JS", "/manage.py", "/\\..\\manage.py", f"{ASSET}/",
    ],
)  # fmt: skip
def test_nothing_else_can_be_had(installation: LiveServer, dist: Path, path: str) -> None:
    """As written: no client of ours tidies the path up."""
    with socket.create_connection(("127.0.0.1", installation.port), timeout=20) as line:
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"404", answer[:200]
    assert b"django" not in answer.lower()


def test_other_methods_are_not_answered_here(http: httpx.Client, dist: Path) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert http.request(method, "/").status_code == 404, method


@pytest.mark.parametrize("path", ["/", ASSET])
def test_what_the_browser_is_told(http: httpx.Client, dist: Path, path: str) -> None:
    headers = http.get(path).headers
    policy = dict(
        directive.split(" ", 1) for directive in headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
        "img-src": "'self' blob: data:", "connect-src": "'self'", "font-src": "'self'",
        "manifest-src": "'self'", "worker-src": "'self'", "base-uri": "'none'",
        "form-action": "'self'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Set-Cookie" not in headers
    assert "Server" not in headers


def test_a_new_build_is_taken_up_and_an_open_page_still_has_its_own(
    http: httpx.Client, dist: Path
) -> None:
    before = http.get("/")
    write_build(dist, script=b"'new';\n", name="index-e5f6a7b8.js")
    (dist / ASSET[1:]).unlink()
    after = http.get("/", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "index-e5f6a7b8.js" in after.text
    assert http.get("/assets/index-e5f6a7b8.js").content == b"'new';\n"
    assert http.get(ASSET).content == SCRIPT
    write_build(dist)
    assert http.get("/").text == before.text
