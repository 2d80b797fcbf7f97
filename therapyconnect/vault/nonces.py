"""Random 96-bit nonces, drawn from the kernel many at a time.

One `getrandom` call a message was most of the cost of sealing it.
"""

from __future__ import annotations

import os
from collections import deque

NONCE_BYTES = 12
_DRAW = 256
_pool: deque[bytes] = deque()


def nonce() -> bytes:
    """Twelve fresh random bytes; each is handed out once, to one thread of one process."""
    while True:
        try:
            return _pool.popleft()
        except IndexError:
            drawn = os.urandom(NONCE_BYTES * _DRAW)
            _pool.extend(drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


# A forked child would hand out its parent's nonces a second time, under the same key.
os.register_at_fork(after_in_child=_pool.clear)
