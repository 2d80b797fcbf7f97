"""A client of TherapyConnect: log in, send, listen, and lose nothing on the way.

`Client` for code with an event loop, `BlockingClient` for code without one.
"""

from therapyconnect_client.blocking import BlockingClient, BlockingDelivery
from therapyconnect_client.client import Client
from therapyconnect_client.errors import (
    ApiError,
    ClientError,
    Conflict,
    Forbidden,
    Invalid,
    LoggedOut,
    NotAuthenticated,
    NotFound,
    QueueFull,
    SecondFactorRequired,
    Stopped,
    StoreInUse,
    Throttled,
    Unavailable,
    Unreachable,
)
from therapyconnect_client.happenings import (
    Afresh,
    CaughtUp,
    ChatGone,
    Connected,
    Disconnected,
    Happening,
    SendRefused,
)
from therapyconnect_client.outbox import Delivery
from therapyconnect_client.stores import FileStore, MemoryStore, Outgoing, Store
from therapyconnect_client.tokens import Tokens

__all__ = [
    "Afresh",
    "ApiError",
    "BlockingClient",
    "BlockingDelivery",
    "CaughtUp",
    "ChatGone",
    "Client",
    "ClientError",
    "Conflict",
    "Connected",
    "Delivery",
    "Disconnected",
    "FileStore",
    "Forbidden",
    "Happening",
    "Invalid",
    "LoggedOut",
    "MemoryStore",
    "NotAuthenticated",
    "NotFound",
    "Outgoing",
    "QueueFull",
    "SecondFactorRequired",
    "SendRefused",
    "Stopped",
    "Store",
    "StoreInUse",
    "Throttled",
    "Tokens",
    "Unavailable",
    "Unreachable",
]
