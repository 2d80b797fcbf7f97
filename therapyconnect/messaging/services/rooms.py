"""Rooms are changed through their chat's lane; what is written of them is checked here."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import asdict

from therapyconnect.accounts.principal import Principal
from therapyconnect.messaging.bodies import RoomPermissions, RoomUpdate
from therapyconnect.messaging.policies.rooms import check_room_words
from therapyconnect.messaging.services.changing import update_room
from therapyconnect.messaging.services.requests import Changed


def change_room(
    *, caller: Principal, room_id: str, change: RoomUpdate | RoomPermissions
) -> Changed:
    """Set what `change` gives, and leave the rest; `Invalid` names each word that can't be kept."""
    given = {name: value for name, value in asdict(change).items() if value is not UNSET}
    given.pop("user_id")
    check_room_words(description=given.get("description"), tags=given.get("tags"))
    return update_room(caller=caller, room_id=room_id, **given)


def open_room(*, caller: Principal, room_id: str, is_open: bool) -> Changed:
    """Archive a room, so that nobody sends, or open it again."""
    return update_room(caller=caller, room_id=room_id, archived=not is_open)
