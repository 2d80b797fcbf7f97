"""Everything of a chat hangs on `chat_id`: it is in every unique key of the chat's tables.

That is what lets the tables be spread over machines by chat, each chat whole in one place.
"""

from __future__ import annotations

import re

import pytest
from django.db import connection

from tests.harness.server import ROOT

# Of each table's every unique index its columns; of the chat's own table `id` is the chat's id.
_KEYS_SQL = """
    SELECT t.relname, i.relname,
           array_agg(CASE WHEN t.relname = 'messaging_chat' AND a.attname = 'id'
                          THEN 'chat_id' ELSE a.attname END)
    FROM pg_index x
    JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(x.indkey[0:x.indnkeyatts - 1])
    WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace
    GROUP BY t.relname, i.relname
"""
_TABLES_SQL = """
    SELECT c.table_name FROM information_schema.columns c
    WHERE c.table_schema = 'public' AND c.column_name = 'chat_id'
    UNION SELECT 'messaging_chat'
"""


def _tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES_SQL)
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db
def test_chat_id_is_in_every_unique_key_of_the_chats_tables() -> None:
    tables = _tables()
    with connection.cursor() as cursor:
        cursor.execute(_KEYS_SQL)
        keys = [(table, index, columns) for table, index, columns in cursor.fetchall()]
    assert {
        "messaging_chat", "messaging_chatevent", "messaging_chatroom", "messaging_emergencyalert",
        "messaging_message", "messaging_messageversion", "messaging_receipt", "vault_datakey",
    } <= tables  # fmt: skip
    keyed = {table for table, _, _ in keys}
    assert tables <= keyed, "a table of the chat's without a unique key"
    without = [
        (table, index) for table, index, columns in keys
        if table in tables and "chat_id" not in columns
    ]  # fmt: skip
    assert without == []


@pytest.mark.django_db
def test_every_table_of_messaging_hangs_on_a_chat() -> None:
    with connection.cursor() as cursor:
        all_tables = set(connection.introspection.table_names(cursor))
    messaging = {name for name in all_tables if name.startswith("messaging_")}
    assert messaging
    assert messaging <= _tables()


@pytest.mark.django_db
def test_the_guide_spreads_every_one_of_them() -> None:
    """`docs/guide/scale.md`, by chat."""
    guide = (ROOT / "docs" / "guide" / "scale.md").read_text()
    spread = re.findall(r"create_distributed_table\('(\w+)', '(\w+)'", guide)
    assert {table for table, _ in spread} == _tables()
    assert {(table, key) for table, key in spread if key != "chat_id"} == {("messaging_chat", "id")}
