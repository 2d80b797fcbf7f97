"""What `/` says while there is no built client: what is going on, and where else to go."""

from __future__ import annotations

import hashlib
from html import escape
from string import Template
from typing import Final

from therapyconnect.web.build import TYPES, Held

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="3">
<link rel="icon" href="data:,">
<title>TherapyConnect</title>
</head>
<body>
<h1>TherapyConnect</h1>
<p>The server is running. Its web client is not built yet.</p>
<p role="status">$told</p>
<p>This page looks again by itself. To build the client: <code>make web</code></p>
<p>Meanwhile: <a href="/api/docs/">the API and its documents</a></p>
</body>
</html>
""")
NOBODY: Final = "Nobody builds it at the moment."


def waiting_page(told: str) -> Held:
    """`told`: one line of who builds the client; empty where nobody does."""
    body = _PAGE.substitute(told=escape(told or NOBODY)).encode()
    return Held(
        content_type=TYPES[".html"],
        cache_control="no-store",
        bodies={"identity": body},
        etags={"identity": f'"{hashlib.sha256(body).hexdigest()[:24]}"'},
    )
