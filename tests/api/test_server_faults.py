"""A fault of the installation is never told as a fault of the request."""

from __future__ import annotations

from tests.harness.server import LiveServer, Pair


def test_a_missing_table_is_503_and_its_return_is_enough(server: LiveServer, pair: Pair) -> None:
    """A client keeps what was answered 503 and sends it again; a 400 it would throw away."""
    send = {"chat_id": pair.chat_id, "text": "kept", "client_message_id": "one"}
    with server.api(pair.therapist_token) as therapist, server.api(pair.patient_token) as patient:
        assert therapist.post("messages/", json=send).status_code == 201
        server.sql("ALTER TABLE messaging_receipt RENAME TO messaging_receipt_away")
        try:
            refused = patient.post(f"chats/{pair.chat_id}/mark_all_read/", json={})
        finally:
            server.sql("ALTER TABLE messaging_receipt_away RENAME TO messaging_receipt")
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers
        again = patient.post(f"chats/{pair.chat_id}/mark_all_read/", json={})
        assert (again.status_code, again.json()["unread_count"]) == (200, 0)
        repeated = therapist.post("messages/", json=send)
        assert (repeated.status_code, repeated.json()["read_status"]) == (200, "read")
