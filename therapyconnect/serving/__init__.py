"""The server under the application: sockets in, ASGI out.

Purpose: uvicorn with the promises that stock uvicorn does not keep. Every request head, body,
message, queue and close is bounded in bytes and seconds; a stop finishes what is in flight before a
socket hears 1001; frames are pushed without awaiting, and leave in one write per turn of the loop.
Why: `docs/decisions/0003-own-server.md`.

Concurrency: one event loop, one thread. Nothing here may be called from another thread,
`Server.stop` aside. A blocking call anywhere in the loop stalls every socket.

Invariants:
- No bytes wait without a bound or a clock.
- A frame leaves whole and in the order in which it was queued, whether pushed or sent by ASGI.
- The answer to a refused client never echoes what it sent; no path, header or frame is logged.

Allowed imports: the standard library, uvicorn, httptools, websockets. No other room of this
package.
"""

from therapyconnect.serving.beside import BesideRefusal
from therapyconnect.serving.config import BodyLimit, ServingConfig, default_body_limit
from therapyconnect.serving.limits import Limits
from therapyconnect.serving.push import PushChannel
from therapyconnect.serving.server import Server, make_server
from therapyconnect.serving.websocket import PUSH

__all__ = [
    "PUSH",
    "BesideRefusal",
    "BodyLimit",
    "Limits",
    "PushChannel",
    "Server",
    "ServingConfig",
    "default_body_limit",
    "make_server",
]
