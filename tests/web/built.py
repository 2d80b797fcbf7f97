"""The client of this checkout, built as `make web` builds it: once for all who ask."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.harness.server import ROOT

DIST = ROOT / "clients" / "web" / "dist"


@cache
def built_client() -> Path:
    """Its folder. Of several processes that ask, one builds, and the others wait for it."""
    done = subprocess.run(
        [sys.executable, "scripts/web.py"], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"the web client can't be built:\n{done.stdout}{done.stderr}"
    return DIST
