"""What is stored of a notification's words opens only in its own place."""

from __future__ import annotations

import httpx
import pytest

from tests.api.calls import ok, refused
from tests.harness.server import LiveServer, Pair
from tests.notifications.calls import own, write

CANARY = "kanarienvogel-5e11"
MOVE = "UPDATE notifications_notification SET {} WHERE user_id = %s"


def test_no_word_is_readable_in_the_database(
    server: LiveServer, pair: Pair, admin: httpx.Client, patient: httpx.Client
) -> None:
    write(admin, pair.patient_id, title=f"{CANARY} title", body=f"{CANARY} body")
    (row,) = server.sql(
        "SELECT n.*, n::text FROM notifications_notification n WHERE user_id = %s",
        (pair.patient_id,),
    )
    raw = b"\x00".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    for needle in (CANARY.encode(), CANARY.encode().hex().encode()):
        assert needle not in raw
    assert pair.patient_id.encode() in raw  # the search would find what is not sealed
    assert own(patient)[0]["body"] == f"{CANARY} body"
    assert CANARY not in server.log_text()


@pytest.mark.parametrize(
    "change",
    [
        "title_sealed = body_sealed",
        "title_sealed = '\\x'",
        "body_sealed = substring(body_sealed FROM 1 FOR 20)",
        "body_sealed = set_byte(body_sealed, 20, get_byte(body_sealed, 20) # 1)",
        "id = 'NTF_000000000000000000000000'",
    ],
)
def test_what_was_moved_or_altered_is_not_shown(
    server: LiveServer, pair: Pair, admin: httpx.Client, patient: httpx.Client, change: str
) -> None:
    write(admin, pair.patient_id, title=CANARY, body=CANARY)
    server.sql(MOVE.format(change), (pair.patient_id,))
    answer = patient.get("notifications/")
    refused(answer, 500, "integrity_error", None)
    assert CANARY not in answer.text
    server.sql("DELETE FROM notifications_notification WHERE user_id = %s", (pair.patient_id,))


def test_a_row_given_to_another_does_not_open(
    server: LiveServer, pair: Pair, admin: httpx.Client, therapist: httpx.Client,
    patient: httpx.Client,
) -> None:  # fmt: skip
    write(admin, pair.patient_id, title=CANARY)
    server.sql(MOVE.format(f"user_id = '{pair.therapist_id}'"), (pair.patient_id,))
    refused(therapist.get("notifications/"), 500, "integrity_error")
    assert ok(patient.get("notifications/"))["results"] == []
    server.sql("DELETE FROM notifications_notification WHERE user_id = %s", (pair.therapist_id,))
