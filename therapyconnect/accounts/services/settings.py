"""A person's own settings: changed field by field."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from therapyconnect.accounts.selectors import SETTINGS_COLUMNS, render_settings, settings_of
from therapyconnect.accounts.settings_policy import columns_of
from therapyconnect.accounts.settings_shapes import Settings, SettingsChange
from therapyconnect.core.ids import role_of
from therapyconnect.core.queries import Query, Reading


def change_settings(*, user_id: str, change: SettingsChange) -> Reading[Settings]:
    """Change what `change` names, leave the rest; the settings as they stand then.

    `Invalid` names each field that is wrong, and then nothing was changed. One statement: of two
    changes at once each keeps what the other gave. Columns not named take the database's defaults
    where the row is new.
    """
    columns = columns_of(change, role=role_of(user_id))
    if not columns:
        return (yield from settings_of(user_id))
    # Names from `columns_of`, never from the request.
    names = ", ".join(columns)
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns)
    rows = yield Query(
        f"INSERT INTO accounts_usersettings (user_id, {names})"
        f" VALUES (%s{', %s' * len(columns)})"
        f" ON CONFLICT (user_id) DO UPDATE SET {updates} RETURNING {SETTINGS_COLUMNS}",
        [user_id, *(_adapted(name, value) for name, value in columns.items())],
    )
    return render_settings(rows[0])


def _adapted(name: str, value: Any) -> Any:
    return Jsonb(value) if name == "working_hours" and value is not None else value
