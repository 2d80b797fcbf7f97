"""`scanning`, then `ready` or `quarantined`: who is told, who may fetch, and who may send it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.calls import connect, ok, refused, say
from tests.attachments.files import text_of, upload, uploaded
from tests.attachments.scanner import FOUND, ScannerAtHand
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket

WAIT = 30.0


@pytest.fixture(scope="module")
def scanner() -> Iterator[ScannerAtHand]:
    with ScannerAtHand() as made:
        yield made


@pytest.fixture(scope="module")
def scanned(
    scanner: ScannerAtHand, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server of its own: with a scanner, and little room for each user."""
    env = {"THERAPYCONNECT_CLAMAV": scanner.setting, "THERAPYCONNECT_ATTACHMENT_QUOTA_MB": "1"}
    with own_database(SERVER_URL) as url:
        server = LiveServer(tmp_path_factory.mktemp("scanned"), database_url=url, env=env)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def pairs(scanned: LiveServer) -> Iterator[Pair]:
    return iter(scanned.load_pairs(20))


@pytest.fixture
def two(pairs: Iterator[Pair], scanner: ScannerAtHand) -> Iterator[Pair]:
    scanner.up = True
    yield next(pairs)
    scanner.up = True


def test_it_is_ready_when_the_scanner_said_so(
    scanned: LiveServer, scanner: ScannerAtHand, two: Pair
) -> None:
    before = scanner.scanned
    with (
        connect(scanned, two.patient_token) as api,
        user_socket(scanned, two.patient_id, two.patient_token) as mine,
        user_socket(scanned, two.therapist_id, two.therapist_token) as theirs,
    ):
        made = uploaded(api, two.chat_id)
        assert made["state"] == "ready"
        assert scanner.scanned == before + 1
        told = mine.until("attachment_updated", WAIT)
        assert told == {
            "type": "attachment_updated", "chat_id": two.chat_id, "attachment": made,
        }  # fmt: skip
        say(api, two.chat_id, message_type="file", attachment_id=made["id"])
        theirs.until("new_message", WAIT)
        # What no message carried was not told to the other.
        assert [f["type"] for f in theirs.received] == ["connection_established", "new_message"]


def test_a_scanner_that_is_down_lets_nothing_pass(
    scanned: LiveServer, scanner: ScannerAtHand, two: Pair
) -> None:
    scanner.up = False
    with (
        connect(scanned, two.patient_token) as api,
        connect(scanned, two.therapist_token) as other,
        chat_socket(scanned, two.chat_id, two.therapist_token) as hearing,
    ):
        made = uploaded(api, two.chat_id)
        assert made["state"] == "scanning"
        path = f"attachments/{made['id']}/"
        refused(api.get(path), 409, "attachment_not_ready")
        refused(other.get(path), 404, "not_found")
        said = say(api, two.chat_id, message_type="file", attachment_id=made["id"])
        assert said["attachment_state"] == "scanning"
        heard = hearing.until("chat_message", WAIT)["message"]
        assert (heard["attachment_state"], heard["attachment_name"]) == ("scanning", "notes.txt")
        for client in (api, other):
            refused(client.get(path), 409, "attachment_not_ready")
            assert ok(client.get(f"{path}status/"))["state"] == "scanning"
        scanner.up = True  # found by itself: nobody asks again
        told = hearing.until("attachment_updated", WAIT)["attachment"]
        assert (told["id"], told["state"]) == (made["id"], "ready")
        assert other.get(path).content == b"plain words\n"
        assert ok(other.get(f"messages/{said['id']}/"))["attachment_state"] == "ready"


def test_what_the_scanner_knows_is_quarantined(
    scanned: LiveServer, scanner: ScannerAtHand, two: Pair
) -> None:
    with connect(scanned, two.patient_token) as api:
        admin = scanned.login("admin@demo.test")["access_token"]
        with user_socket(scanned, "a_admin1", admin) as admins:
            made = uploaded(api, two.chat_id, b"it holds " + FOUND, name="kanarie.txt")
            assert made["state"] == "quarantined"
            told = admins.until("notification", WAIT)["notification"]
            assert (told["kind"], told["level"]) == ("attachment_quarantined", "warning")
            assert made["id"] in told["body"]
        path = f"attachments/{made['id']}/"
        refused(api.get(path), 409, "attachment_refused")
        body = {
            "chat_id": two.chat_id, "text": "x", "message_type": "file",
            "attachment_id": made["id"],
        }  # fmt: skip
        refused(api.post("messages/", json=body), 409, "attachment_refused")
    log = scanned.log_text()
    assert "attachment.quarantined" in log
    assert "kanarie" not in log


def test_sent_before_it_was_known(scanned: LiveServer, scanner: ScannerAtHand, two: Pair) -> None:
    scanner.up = False
    with (
        connect(scanned, two.therapist_token) as api,
        connect(scanned, two.patient_token) as other,
        user_socket(scanned, two.patient_id, two.patient_token) as hearing,
    ):
        made = uploaded(api, two.chat_id, FOUND)
        said = say(api, two.chat_id, message_type="file", attachment_id=made["id"])
        scanner.up = True
        told = hearing.until("attachment_updated", WAIT)
        assert told["attachment"]["state"] == "quarantined"
        for client in (api, other):
            refused(client.get(f"attachments/{made['id']}/"), 409, "attachment_refused")
        shown = ok(other.get(f"messages/{said['id']}/"))
        assert shown["attachment_state"] == "quarantined"


def test_what_can_not_be_opened_is_rejected(
    scanned: LiveServer, scanner: ScannerAtHand, two: Pair
) -> None:
    scanner.up = False
    with (
        connect(scanned, two.therapist_token) as api,
        user_socket(scanned, two.therapist_id, two.therapist_token) as hearing,
    ):
        made = uploaded(api, two.chat_id)
        key = made["id"].rpartition("_")[2]
        ((name,),) = scanned.sql(
            "SELECT object_name FROM attachments_attachment WHERE key = %s", (key,)
        )
        (scanned.data / "attachments" / name).write_bytes(b"something else")
        scanner.up = True
        assert hearing.until("attachment_updated", WAIT)["attachment"]["state"] == "rejected"
        refused(api.get(f"attachments/{made['id']}/"), 409, "attachment_refused")


def test_each_user_has_so_much_room(scanned: LiveServer, two: Pair) -> None:
    with (
        connect(scanned, two.therapist_token) as api,
        connect(scanned, two.patient_token) as other,
    ):
        uploaded(api, two.chat_id, text_of(600_000))
        refused(upload(api, two.chat_id, text_of(600_000)), 413, "quota_exceeded", "file")
        uploaded(api, two.chat_id, text_of(300_000))
        uploaded(other, two.chat_id, text_of(600_000))
        # What nobody used in a day is gone, and gives back its room.
        scanned.sql(
            "UPDATE attachments_attachment SET created_at = created_at - interval '25 hours'"
            " WHERE uploader_id = %s", (two.therapist_id,),
        )  # fmt: skip
        _until_swept(scanned, two.therapist_id)
        uploaded(api, two.chat_id, text_of(600_000))


def _until_swept(server: LiveServer, uploader_id: str) -> None:
    import time

    end = time.monotonic() + WAIT
    while server.sql("SELECT 1 FROM attachments_attachment WHERE uploader_id = %s", (uploader_id,)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_purged_message_takes_its_file_with_it(scanned: LiveServer, two: Pair) -> None:
    with connect(scanned, two.therapist_token) as api:
        made = uploaded(api, two.chat_id)
        said = say(api, two.chat_id, message_type="file", attachment_id=made["id"])
        purge = (
            "from therapyconnect.attachments.services.removing import purge;"
            f"print(purge({two.chat_id!r}, [{said['seq']}]))"
        )
        assert scanned.manage("shell", "-v", "0", "-c", purge).strip() == "1"
        refused(api.get(f"attachments/{made['id']}/"), 404, "not_found")
    _until_swept(scanned, two.therapist_id)
    folder = scanned.data / "attachments"
    named = {
        name
        for (name,) in scanned.sql(
            "SELECT unnest(ARRAY[object_name, thumbnail_name]) FROM attachments_attachment"
        )
    }
    kept = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert kept <= named
