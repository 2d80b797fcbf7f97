"""Small installations for tests: the product's own code beside a client of a few lines."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

from tests.harness.server import ROOT

SCRIPT = b"document.title = 'ready';\n" * 40


def product(folder: Path) -> Path:
    """The product without sources of the client and without a build, as an image holds it."""
    folder.mkdir(parents=True)
    without = shutil.ignore_patterns("__pycache__", "dist")
    shutil.copytree(ROOT / "therapyconnect", folder / "therapyconnect", ignore=without)
    shutil.copy(ROOT / "manage.py", folder)
    return folder


def write_build(dist: Path, *, script: bytes = SCRIPT, name: str = "index-a1b2c3d4.js") -> None:
    """A built client; its page is written last, as a build puts it in its place."""
    (dist / "assets").mkdir(parents=True, exist_ok=True)
    (dist / "assets" / name).write_bytes(script)
    (dist / "assets" / f"{name}.gz").write_bytes(gzip.compress(script))
    (dist / "assets" / f"{name}.br").write_bytes(b"as brotli would have it")
    (dist / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (dist / "manifest.webmanifest").write_text("{}")
    (dist / ".secret").write_text("not for the world")
    page = f'<!doctype html><script type="module" src="/assets/{name}"></script>'
    (dist / "index.html.draft").write_text(page)
    (dist / "index.html.draft").rename(dist / "index.html")


def sources(folder: Path) -> Path:
    """A checkout whose client is built by Node alone, with no package to fetch."""
    (folder / "scripts").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "scripts" / "web.py", folder / "scripts")
    for name in ("requirements-node.txt", "Makefile"):
        shutil.copy(ROOT / name, folder)
    sdk, web = folder / "clients/typescript/src", folder / "clients/web"
    sdk.mkdir(parents=True)
    web.mkdir()
    (sdk / "index.ts").write_text("export {};\n")
    # Told by `--outDir=…`, as Vite is.
    (web / "build.mjs").write_text(
        "import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';\n"
        "const out = process.argv.find((a) => a.startsWith('--outDir=')).slice(9);\n"
        "mkdirSync(`${out}/assets`, { recursive: true });\n"
        "writeFileSync(`${out}/assets/app-1.js`, readFileSync('app.js'));\n"
        "writeFileSync(`${out}/index.html`, '<!doctype html><p>built');\n"
    )
    (web / "app.js").write_text("// a line of the client\n" * 50)
    package = {"name": "tiny", "version": "1.0.0", "private": True, "type": "module",
               "scripts": {"build": "node build.mjs"}}  # fmt: skip
    (web / "package.json").write_text(json.dumps(package))
    lock = {"name": "tiny", "version": "1.0.0", "lockfileVersion": 3,
            "packages": {"": {"name": "tiny", "version": "1.0.0"}}}  # fmt: skip
    (web / "package-lock.json").write_text(json.dumps(lock))
    return folder


def build_for_ever(checkout: Path) -> None:
    """Have the build of `sources` tell its process in `clients/web/pid`, and never end."""
    (checkout / "clients/web/build.mjs").write_text(
        "import { writeFileSync } from 'node:fs';\n"
        "writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000);\n"
    )
