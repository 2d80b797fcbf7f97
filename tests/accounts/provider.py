"""An identity provider on loopback: a key set behind HTTP, and tokens signed by hand."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AUDIENCE = "therapyconnect-api"
Json = dict[str, Any]


def b64(raw: bytes | str) -> str:
    data = raw.encode() if isinstance(raw, str) else raw
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, length: int | None = None) -> str:
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class RsaKey:
    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid, self.alg = kid, "RS256"
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def jwk(self) -> Json:
        public = self.private.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "n": number(public.n), "e": number(public.e)}

    def sign(self, message: bytes, alg: str) -> bytes:
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[alg[2:]]
        if alg.startswith("PS"):
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return self.private.sign(message, pss, digest)
        return self.private.sign(message, padding.PKCS1v15(), digest)


class EcKey:
    def __init__(self, kid: str, curve: ec.EllipticCurve | None = None) -> None:
        self.kid = kid
        self.private = ec.generate_private_key(curve or ec.SECP256R1())
        self.size = (self.private.curve.key_size + 7) // 8
        self.alg = {32: "ES256", 48: "ES384"}[self.size]

    def jwk(self) -> Json:
        public = self.private.public_key().public_numbers()
        curve = {32: "P-256", 48: "P-384"}[self.size]
        x, y = number(public.x, self.size), number(public.y, self.size)
        return {"kty": "EC", "kid": self.kid, "crv": curve, "x": x, "y": y}

    def sign(self, message: bytes, alg: str) -> bytes:
        digest = hashes.SHA384() if alg.endswith("384") else hashes.SHA256()
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")


class EdKey:
    def __init__(self, kid: str) -> None:
        self.kid, self.alg = kid, "EdDSA"
        self.private = ed25519.Ed25519PrivateKey.generate()

    def jwk(self) -> Json:
        x = b64(self.private.public_key().public_bytes_raw())
        return {"kty": "OKP", "kid": self.kid, "crv": "Ed25519", "x": x}

    def sign(self, message: bytes, alg: str) -> bytes:
        return self.private.sign(message)


Key = RsaKey | EcKey | EdKey


def token(
    key: Key,
    claims: Json | str,
    *,
    header: Json | str | None = None,
    sign: Callable[[bytes], bytes] | None = None,
    **extra: Any,
) -> str:
    """A token under the true signature of `key`; `extra` goes into the header."""
    if header is None:
        header = {"alg": key.alg, "kid": key.kid, "typ": "at+jwt", **extra}
    first = b64(header if isinstance(header, str) else json.dumps(header))
    second = b64(claims if isinstance(claims, str) else json.dumps(claims))
    signed = f"{first}.{second}".encode()
    alg = header.get("alg", key.alg) if isinstance(header, dict) else key.alg
    signature = sign(signed) if sign is not None else key.sign(signed, alg)
    return f"{first}.{second}.{b64(signature)}"


class Provider:
    """Serves its key set on a port of its own; counts who asks; can be told to be ill."""

    def __init__(self, *keys: Key, issuer: str | None = None) -> None:
        self.keys: list[Key] = list(keys)
        self.asked = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] | None = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                if provider.answer is not None:
                    provider.answer(self)
                else:
                    provider.reply(self, provider.key_set())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/jwks"
        self.issuer = issuer or f"https://id-{self.port}.example"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def key_set(self) -> bytes:
        return json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()

    @staticmethod
    def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def config(self, **fields: Any) -> Json:
        return {
            "issuer": self.issuer, "jwks_url": self.url, "audience": AUDIENCE,
            "algorithms": ["RS256", "ES256"], **fields,
        }  # fmt: skip

    def claims(self, user_id: str, **changed: Any) -> Json:
        issued = int(time.time())
        good = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": user_id, "iat": issued, "nbf": issued,
            "exp": issued + 600, "jti": "one", "scope": "openid",
        }  # fmt: skip
        return {**good, **changed}

    def token(self, user_id: str, key: Key | None = None, **changed: Any) -> str:
        """A token that is good but for the claims changed."""
        return token(key or self.keys[0], self.claims(user_id, **changed))

    def stop(self) -> None:
        """Away: connections are refused."""
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> Provider:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
