"""A wire over a real redis-server: with TLS, and while the server is away."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.brokers import RedisServer
from tests.cluster.conftest import NO_REDIS
from tests.harness.server import free_port
from therapyconnect.realtime.carrier import MAX_QUEUED, BrokerWire
from therapyconnect.realtime.engines.redis import RedisBroker

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason=NO_REDIS)
LONG = 30.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


async def _until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(LONG):
        while not what():
            await asyncio.sleep(0.02)


def test_what_waits_for_the_broker_is_told_in_order_when_it_comes(redis: RedisServer) -> None:
    """Bounded: the oldest go first, and nobody is made to wait."""

    async def tell() -> list[bytes]:
        wire = BrokerWire(RedisBroker(redis.addresses[0], channel="c"))
        wire.send([b"%d" % n for n in range(MAX_QUEUED + 500)])
        heard: list[bytes] = []
        listens = asyncio.Event()
        ear = BrokerWire(RedisBroker(redis.addresses[0], channel="c"))
        ear.start(heard.append, listening=listens.set)
        await asyncio.sleep(0.3)  # both find nobody there
        await asyncio.to_thread(redis.start)
        async with asyncio.timeout(LONG):
            await listens.wait()
        wire.start(lambda parcel: None, listening=lambda: None)
        await _until(lambda: len(heard) >= MAX_QUEUED)
        for one in (wire, ear):
            await one.stop()
        return heard

    assert asyncio.run(tell()) == [b"%d" % n for n in range(500, MAX_QUEUED + 500)]


def test_over_tls_to_whom_the_certificate_names(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1",
         "--tls-cert-file", str(certificate), "--tls-key-file", str(key),
         "--tls-auth-clients", "no", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip

    async def tell(host: str) -> list[bytes]:
        url = f"rediss://{host}:{port}?ssl_ca_certs={certificate}"
        heard: list[bytes] = []
        wire = BrokerWire(RedisBroker(url, channel="c"))
        wire.start(heard.append, listening=lambda: wire.send([b"x"]))
        with suppress(TimeoutError):
            await asyncio.wait_for(_until(lambda: heard), LONG if host == "127.0.0.1" else 3)
        await wire.stop()
        return heard

    try:
        assert asyncio.run(tell("127.0.0.1")) == [b"x"]
        assert asyncio.run(tell("localhost")) == []  # the certificate does not name it
    finally:
        process.kill()
        process.wait()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*kinds, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"
