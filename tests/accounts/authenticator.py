"""A software authenticator: makes passkeys and signs with them, as a browser and a phone would.

Everything it says can be bent by a test: origin, domain, challenge, flags, counter.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

ORIGIN = "http://localhost:8000"
DOMAIN = "localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
Json = dict[str, Any]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Passkey:
    """One credential: a P-256 key, its id, whose it is, and a counter (0: it never counts)."""

    def __init__(self, *, counts: bool = True) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.user_handle = b""
        self.counts = counts
        self.counter = 0

    def create(self, options: Json, **bent: Any) -> Json:
        """The answer to creation options, with attestation `none`."""
        public = options["publicKey"]
        self.user_handle = base64.urlsafe_b64decode(public["user"]["id"] + "==")
        numbers = self.private.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"),
               -3: numbers.y.to_bytes(32, "big")}  # fmt: skip
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor.encode(key)
        data = self._data(bent, ATTESTED) + attested
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = _client_data("webauthn.create", public["challenge"], bent)
        return {
            **self._envelope(),
            "response": {
                "clientDataJSON": b64(client),
                "attestationObject": b64(statement),
                "transports": ["internal"],
            },
            "clientExtensionResults": {"credProps": {"rk": True}},
        }

    def get(self, options: Json, **bent: Any) -> Json:
        """The answer to request options: an assertion, signed."""
        client = _client_data("webauthn.get", options["publicKey"]["challenge"], bent)
        data = self._data(bent, 0)
        signer = bent.get("signer", self.private)
        signed = data + hashlib.sha256(client).digest()
        signature = signer.sign(signed, ec.ECDSA(hashes.SHA256()))
        return {
            **self._envelope(),
            "response": {
                "clientDataJSON": b64(client),
                "authenticatorData": b64(data),
                "signature": b64(signature),
                "userHandle": b64(bent.get("user_handle", self.user_handle)),
            },
            "clientExtensionResults": {},
        }

    def _envelope(self) -> Json:
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key"}

    def _data(self, bent: Json, flags: int) -> bytes:
        if self.counts:
            self.counter += 1
        counter = bent.get("counter", self.counter)
        flags |= bent.get("flags", PRESENT | VERIFIED)
        domain = hashlib.sha256(bent.get("domain", DOMAIN).encode()).digest()
        return domain + bytes([flags]) + counter.to_bytes(4, "big")


def _client_data(kind: str, challenge: str, bent: Json) -> bytes:
    said = {
        "type": bent.get("type", kind),
        "challenge": bent.get("challenge", challenge),
        "origin": bent.get("origin", ORIGIN),
        "crossOrigin": bent.get("cross_origin", False),
    }
    return json.dumps(said).encode()
