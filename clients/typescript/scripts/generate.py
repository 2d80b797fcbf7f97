"""Make the types of `src/generated` from the server's own documents, or see that they are in step.

    python scripts/generate.py            writes them (needs Node, and `npm ci` done)
    python scripts/generate.py --check    1 where they are out of step (needs no Node)

Each file names in its first line the digest of the document that it was made of, and of itself.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
GENERATED = PACKAGE / "src" / "generated"
FLAGS = ["--default-non-nullable=false", "--empty-objects-unknown"]
ROOT_TYPES = ["--root-types", "--root-types-no-schema-prefix", "--root-types-keep-casing"]
FRAMES = (
    "import json\n"
    "from therapyconnect.realtime.asyncapi import document\n"
    "print(json.dumps(document(host='localhost', secure=True)))"
)


def documents() -> dict[str, dict[str, Any]]:
    """The API's document, and the schemas of the sockets' as those of one without paths."""
    manage = [sys.executable, str(ROOT / "manage.py")]
    api = json.loads(_run([*manage, "spectacular", "--format", "openapi-json"]))
    sockets = json.loads(_run([*manage, "shell", "--verbosity", "0", "-c", FRAMES]))
    frames = {
        "openapi": "3.1.0",
        "info": {"title": sockets["info"]["title"], "version": "1"},
        "paths": {},
        "components": {"schemas": sockets["components"]["schemas"]},
    }
    return {"api": api, "frames": frames}


def made_of(document: dict[str, Any], *options: str) -> str:
    """The types of a document, as openapi-typescript makes them."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "document.json"), Path(folder, "types.ts")
        source.write_text(json.dumps(document))
        program = PACKAGE / "node_modules" / ".bin" / "openapi-typescript"
        _run([str(program), str(source), "-o", str(output), *FLAGS, *options])
        return output.read_text()


def written(document: dict[str, Any], types: str) -> str:
    return f"// made by scripts/generate.py of {_digest(document)}, itself {_hash(types)}\n{types}"


def in_step(document: dict[str, Any], text: str) -> bool:
    """Whether a file was made of this document, and not changed since."""
    first, _, types = text.partition("\n")
    return first == written(document, types).partition("\n")[0]


def main() -> int:
    """Write the types; with `--check` only compare."""
    stale = []
    for name, document in documents().items():
        file = GENERATED / f"{name}.ts"
        if "--check" in sys.argv[1:]:
            if not file.exists() or not in_step(document, file.read_text()):
                stale.append(str(file.relative_to(ROOT)))
        else:
            types = made_of(document, *(ROOT_TYPES if name == "frames" else []))
            file.write_text(written(document, types))
    for name in stale:
        print(f"{name} is out of step: run `npm run generate` in clients/typescript")  # noqa: T201
    return 1 if stale else 0


def _digest(document: dict[str, Any]) -> str:
    return _hash(json.dumps(document, sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise SystemExit(done.stderr[-3000:] or done.stdout[-3000:])
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
