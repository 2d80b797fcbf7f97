"""The same with an S3 bucket: a server of moto's, spoken to over HTTP as any other."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest

from tests.api.calls import connect, refused, say
from tests.attachments.files import png, text_of, upload, uploaded
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair, free_port

BUCKET = "clinic-files"
KEYS = {"AWS_ACCESS_KEY_ID": "of-a-test", "AWS_SECRET_ACCESS_KEY": "of-a-test"}
CANARY = b"kanarienvogel im eimer "
LONG = (1 << 20) * 3 + 77
WAIT = 60.0


class Bucket:
    """The S3 server in a process, and what lies in its bucket."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        self.client.create_bucket(Bucket=BUCKET)

    def _wait(self) -> None:
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                httpx.get(self.endpoint, timeout=2)
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the S3 server did not come up")

    def names(self) -> set[str]:
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {item["Key"] for item in found}

    def read(self, name: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=io.BytesIO(content))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(20)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    made = Bucket()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def clinic(
    bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, Pair]]:
    setting = f"s3://{BUCKET}?endpoint={bucket.endpoint}&region=us-east-1&prefix=sealed"
    with own_database(SERVER_URL) as url:
        server = LiveServer(
            tmp_path_factory.mktemp("bucket"),
            database_url=url,
            env={"THERAPYCONNECT_STORAGE": setting, **KEYS},
        )
        server.start()
        yield server, server.load_pairs(1)[0]
        server.stop()


def test_files_in_a_bucket(clinic: tuple[LiveServer, Pair], bucket: Bucket, seed: int) -> None:
    """One life after another: stored sealed, fetched whole and in part, damaged, lost, removed."""
    server, pair = clinic
    content = CANARY + text_of(LONG, seed=seed)
    with connect(server, pair.therapist_token) as api, connect(server, pair.patient_token) as other:
        before = bucket.names()
        file = uploaded(api, pair.chat_id, content, name="kanarie.txt")["id"]
        (name,) = bucket.names() - before
        assert name.startswith("sealed/")
        assert not (server.data / "attachments").exists()
        stored = bucket.read(name)
        assert CANARY not in stored
        say(api, pair.chat_id, message_type="file", attachment_id=file)
        assert other.get(f"attachments/{file}/").content == content
        part = other.get(f"attachments/{file}/", headers={"Range": "bytes=1048570-1048590"})
        assert (part.status_code, part.content) == (206, content[1048570:1048591])

        image = uploaded(api, pair.chat_id, png(), name="a.png", kind="image/png")["id"]
        assert api.get(f"attachments/{image}/thumbnail/").status_code == 200

        for wrong in (stored[:-1], bytes([*stored[:60], stored[60] ^ 1]) + stored[61:]):
            bucket.write(name, wrong)
            refused(other.get(f"attachments/{file}/"), 503, "attachment_unavailable")
        bucket.client.delete_object(Bucket=BUCKET, Key=name)
        refused(other.get(f"attachments/{file}/"), 503, "attachment_unavailable")
        assert server.log_text().count("attachment.damaged") >= 3
        bucket.write(name, stored)
        assert other.get(f"attachments/{file}/").content == content

        # What nobody used in a day is removed from the bucket too.
        server.sql(
            "UPDATE attachments_attachment SET created_at = created_at - interval '25 hours'"
        )
        end = time.monotonic() + WAIT
        while server.sql("SELECT 1 FROM attachments_attachment WHERE message_seq IS NULL"):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert name in bucket.names()
        assert len(bucket.names()) == 2  # with the demo's own


def test_a_bucket_that_is_away(clinic: tuple[LiveServer, Pair], bucket: Bucket) -> None:
    """The last: it stays away. No file is taken, none is lost, and messages go on."""
    server, pair = clinic
    with connect(server, pair.therapist_token) as api:
        api.timeout = httpx.Timeout(WAIT)
        file = uploaded(api, pair.chat_id)["id"]
        bucket.stop()
        refused(upload(api, pair.chat_id), 503, "attachment_unavailable")
        refused(api.get(f"attachments/{file}/"), 503, "attachment_unavailable")
        say(api, pair.chat_id, "still here")
        doomed = server.sql(
            "SELECT count(*) FROM attachments_attachment WHERE doomed_at IS NOT NULL"
        )
        assert doomed == [(1,)]  # to be removed once the bucket is back
