"""What a message said before its edits."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import parse_message_id
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.seals import open_payload, open_text
from therapyconnect.messaging.shapes import MessageVersion
from therapyconnect.vault.cipher import Cipher

Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]

# The message and its versions in one look: what was just deleted shows none. Where it has none in
# this stretch there is one row without a version, and no row where there is no such message.
_VERSIONS_SQL: Final = """
    SELECT v.seq, v.version, v.text_sealed, v.payload_sealed, v.written_at, v.replaced_at
    FROM messaging_message m
    LEFT JOIN messaging_messageversion v ON v.chat_id = m.chat_id AND v.seq = m.seq
        AND m.deleted_at IS NULL AND {stretch}
    WHERE m.chat_id = %s AND m.seq = %s
    ORDER BY v.version {order} LIMIT %s
"""


class VersionFilters(msgspec.Struct, kw_only=True):
    """Query parameters of a message's history; at most one of the two places."""

    after_version: Version | None = None
    before_version: Version | None = None
    limit: Limit = DEFAULT_LIMIT


class VersionPage(msgspec.Struct):
    """Versions, oldest first, and whether there are others on either side."""

    versions: list[MessageVersion]
    earlier: bool
    later: bool


def version_page(
    *, viewer: Principal, message_id: str, filters: VersionFilters
) -> Reading[VersionPage]:
    """The earlier versions of a message that the viewer may see, oldest first; else `NotFound`.

    A deleted message has none to show: what it said is gone from every route.
    """
    ref = parse_message_id(message_id)
    if ref is None:
        raise NotFound()
    chat = yield from access_chat(viewer=viewer, chat_id=ref.chat_id)
    if not can_see(ref.seq, chat.hidden_seq_of(viewer.id)):
        raise NotFound()
    store = yield from load_ciphers([chat.id])
    back = filters.before_version is not None
    stretch, params = "TRUE", list[Any]()
    if filters.before_version is not None:
        stretch, params = "v.version < %s", [filters.before_version]
    elif filters.after_version is not None:
        stretch, params = "v.version > %s", [filters.after_version]
    rows = yield Query(
        _VERSIONS_SQL.format(stretch=stretch, order="DESC" if back else "ASC"),
        (*params, ref.chat_id, ref.seq, filters.limit + 1),
    )
    if not rows:
        raise NotFound()
    rows = [row for row in rows if row[1] is not None]
    more = len(rows) > filters.limit
    rows = rows[: filters.limit]
    if back:
        rows.reverse()
    cipher = store.require(chat.id)
    versions = [_render(row, cipher=cipher) for row in rows]
    if back:
        return VersionPage(versions, earlier=more, later=True)
    return VersionPage(versions, earlier=bool(filters.after_version), later=more)


def _render(row: Row, *, cipher: Cipher) -> MessageVersion:
    seq, version, text_sealed, payload_sealed, written_at, replaced_at = row
    payload: dict[str, Any] | None = None
    if payload_sealed is not None:
        payload = open_payload(cipher, payload_sealed, seq=seq, version=version)
    return MessageVersion(
        version=version,
        text=open_text(cipher, text_sealed, seq=seq, version=version),
        payload=payload,
        written_at=written_at,
        replaced_at=replaced_at,
    )
