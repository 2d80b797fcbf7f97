"""Every bound of the serving layer, in one frozen record, so that tests can shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are bytes, times are seconds."""

    accepted_at_once: int = 16
    """Connections taken in one turn of the loop; the others wait in the kernel's queue."""

    # One HTTP request.
    head_bytes: int = 16 * 1024
    """Request line and headers together; also of a WebSocket handshake."""
    head_seconds: float = 10.0
    """From the connection, or the first byte of a later request, to the end of its head."""
    body_seconds: float = 60.0
    """For a whole body, on top of what `body_bytes_per_second` grants."""
    body_bytes_per_second: int = 16 * 1024
    """The slowest honest upload: each second's worth received buys one second more."""
    response_stall_seconds: float = 30.0
    """How long a client may take nothing of a response before it is cut off."""
    keep_alive_seconds: int = 75
    """An idle connection between two requests."""
    linger_seconds: float = 2.0
    """How long a refused client's remaining bytes are read and thrown away. Closing with unread
    bytes makes
    the kernel reset the connection, and the client would never see why it was refused."""

    requests: int = 256
    """Whole requests being answered at once: each may hold a thread. One more is told 503."""

    # What one socket may send us.
    message_bytes: int = 128 * 1024
    """One WebSocket message, all its fragments together."""
    message_seconds: float = 30.0
    """From the first byte of a message to its last."""
    inbox_messages: int = 32
    """Messages parsed but not yet taken by the application; beyond, the socket is not read."""
    ping_interval_seconds: float = 20.0
    ping_timeout_seconds: float = 20.0

    # What we may owe one socket.
    pending_bytes: int = 1024 * 1024
    """Queued here and not yet accepted by the kernel."""
    stall_seconds: float = 8.0
    """How long the kernel may refuse to take more before the reader counts as stalled."""
    abort_seconds: float = 1.0
    """From the 1013 of a stalled reader to the end of its connection."""
    close_seconds: float = 5.0
    """For the peer to finish the closing handshake."""
    kernel_send_bytes: int = 256 * 1024
    """`SO_SNDBUF` of a socket; 0 leaves it to the kernel, which lets a stalled reader hold
    megabytes.
    """

    # Stopping: the sum is the longest a stop can take.
    drain_seconds: float = 8.0
    newcomer_seconds: float = 1.0
    """Of the next: for who connected and has not asked yet."""
    finish_seconds: float = 4.0
    cancel_seconds: float = 1.0
    lifespan_seconds: float = 2.0
