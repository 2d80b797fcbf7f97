"""The verifier against everything that has ever opened a JWT door, on both kinds of route.

Each attack takes a token that is accepted (the control proves it) and changes one thing. Unless
the attack is about the signature, the forged token is signed with the true key: what refuses it
is the fault itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.accounts.api import AUTH, Api, log_in, logged_in
from therapyconnect.accounts import services
from therapyconnect.accounts.authentication import authenticate_token
from therapyconnect.accounts.keys import key_ring
from therapyconnect.accounts.models import User
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.core.errors import Unauthenticated
from therapyconnect.vault.keyring import KeyRing

ROUTES = ["/api/me/", AUTH + "auth/session"]
HEADER = '{"alg":"HS256","kid":"1","typ":"at+jwt"}'


def b64(raw: bytes | str) -> str:
    data = raw.encode() if isinstance(raw, str) else raw
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: str, payload: str, *, key: bytes | None = None, algorithm: str = "sha256") -> str:
    """Two encoded segments and their true signature."""
    signed = f"{header}.{payload}"
    secret = key_ring().derive("jwt") if key is None else key
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), algorithm))}"


def forge(*, header: str = HEADER, payload: str, **how: Any) -> str:
    return sign(b64(header), b64(payload), **how)


def dumps(claims: dict[str, Any]) -> str:
    return json.dumps(claims, separators=(",", ":"))


class Good:
    """The claims of a token that is accepted; `but` changes some of them, in place."""

    def __init__(self, session_id: str) -> None:
        issued = int(time.time())
        self.claims: dict[str, Any] = {
            "iss": "therapyconnect",
            "aud": "therapyconnect",
            "sub": "t_abc123",
            "sid": session_id,
            "jti": "0123456789abcdef0123456789abcdef",
            "iat": issued,
            "nbf": issued,
            "exp": issued + 900,
            "token_use": "access",
        }

    def but(self, **changed: Any) -> str:
        return dumps({**self.claims, **changed})

    def without(self, name: str) -> str:
        return dumps({key: value for key, value in self.claims.items() if key != name})

    @property
    def payload(self) -> str:
        return dumps(self.claims)

    @property
    def token(self) -> str:
        return forge(payload=self.payload)


@pytest.fixture
def good(therapist: User) -> Good:
    return Good(services.open_sessions([therapist])["t_abc123"])


def refused_everywhere(token: str) -> None:
    for route in ROUTES:
        headers = {"Authorization": f"Bearer {token}"}
        answer = Api().call("GET", route, headers=headers)
        assert answer.status == 401, (route, answer)
    with pytest.raises(Unauthenticated) as caught:
        authenticate_token(token)
    assert (caught.value.code, caught.value.detail) == ("not_authenticated", "No valid token.")


def test_control_the_unchanged_token_is_accepted(good: Good) -> None:
    for route in ROUTES:
        assert Api(token=good.token).call("GET", route).status == 200
    minted = mint_access(user_id="t_abc123", session_id=good.claims["sid"])
    assert base64.urlsafe_b64decode(minted.split(".")[0] + "==").decode() == HEADER
    assert list(json.loads(base64.urlsafe_b64decode(minted.split(".")[1] + "=="))) == list(
        good.claims
    )


HEADERS = {
    "alg none": '{"alg":"none","kid":"1","typ":"at+jwt"}',
    "alg None": '{"alg":"None","kid":"1","typ":"at+jwt"}',
    "alg NONE": '{"alg":"NONE","kid":"1","typ":"at+jwt"}',
    "alg nOnE": '{"alg":"nOnE","kid":"1","typ":"at+jwt"}',
    "alg hs256": '{"alg":"hs256","kid":"1","typ":"at+jwt"}',
    "alg HS384": '{"alg":"HS384","kid":"1","typ":"at+jwt"}',
    "alg HS512": '{"alg":"HS512","kid":"1","typ":"at+jwt"}',
    "alg RS256": '{"alg":"RS256","kid":"1","typ":"at+jwt"}',
    "alg ES256": '{"alg":"ES256","kid":"1","typ":"at+jwt"}',
    "alg EdDSA": '{"alg":"EdDSA","kid":"1","typ":"at+jwt"}',
    "alg missing": '{"kid":"1","typ":"at+jwt"}',
    "alg null": '{"alg":null,"kid":"1","typ":"at+jwt"}',
    "alg list": '{"alg":["HS256"],"kid":"1","typ":"at+jwt"}',
    "kid missing": '{"alg":"HS256","typ":"at+jwt"}',
    "kid number": '{"alg":"HS256","kid":1,"typ":"at+jwt"}',
    "kid null": '{"alg":"HS256","kid":null,"typ":"at+jwt"}',
    "kid list": '{"alg":"HS256","kid":["1"],"typ":"at+jwt"}',
    "kid empty": '{"alg":"HS256","kid":"","typ":"at+jwt"}',
    "kid unknown": '{"alg":"HS256","kid":"999","typ":"at+jwt"}',
    "kid zero-padded": '{"alg":"HS256","kid":"01","typ":"at+jwt"}',
    "kid spaced": '{"alg":"HS256","kid":" 1","typ":"at+jwt"}',
    "kid other digits": '{"alg":"HS256","kid":"\u0661","typ":"at+jwt"}',
    "kid path": '{"alg":"HS256","kid":"../../../dev/null","typ":"at+jwt"}',
    "kid SQL": '{"alg":"HS256","kid":"1\' OR \'1\'=\'1","typ":"at+jwt"}',
    "kid URL": '{"alg":"HS256","kid":"http://127.0.0.1/key","typ":"at+jwt"}',
    "kid NUL": '{"alg":"HS256","kid":"1\\u0000","typ":"at+jwt"}',
    "kid shell": '{"alg":"HS256","kid":"1;$(id)","typ":"at+jwt"}',
    "kid huge": '{"alg":"HS256","kid":"' + "1" * 200 + '","typ":"at+jwt"}',
    "typ missing": '{"alg":"HS256","kid":"1"}',
    "typ JWT": '{"alg":"HS256","kid":"1","typ":"JWT"}',
    "typ upper case": '{"alg":"HS256","kid":"1","typ":"AT+JWT"}',
    "typ refresh": '{"alg":"HS256","kid":"1","typ":"rt+jwt"}',
    "jwk": '{"alg":"HS256","kid":"1","typ":"at+jwt","jwk":{"kty":"oct","k":"AA"}}',
    "jku": '{"alg":"HS256","kid":"1","typ":"at+jwt","jku":"http://127.0.0.1/jwks"}',
    "x5u": '{"alg":"HS256","kid":"1","typ":"at+jwt","x5u":"http://127.0.0.1/x"}',
    "x5c": '{"alg":"HS256","kid":"1","typ":"at+jwt","x5c":["AA"]}',
    "x5t": '{"alg":"HS256","kid":"1","typ":"at+jwt","x5t":"AA"}',
    "cty": '{"alg":"HS256","kid":"1","typ":"at+jwt","cty":"JWT"}',
    "enc": '{"alg":"dir","enc":"A256GCM","kid":"1","typ":"at+jwt"}',
    "crit": '{"alg":"HS256","kid":"1","typ":"at+jwt","crit":["exp"]}',
    "b64": '{"alg":"HS256","kid":"1","typ":"at+jwt","b64":false}',
    "zip": '{"alg":"HS256","kid":"1","typ":"at+jwt","zip":"DEF"}',
    "duplicate alg": '{"alg":"none","alg":"HS256","kid":"1","typ":"at+jwt"}',
    "duplicate kid": '{"alg":"HS256","kid":"2","kid":"1","typ":"at+jwt"}',
    "white space": '{"alg": "HS256","kid":"1","typ":"at+jwt"}',
    "a list": '["HS256"]',
    "not JSON": "HS256",
    "empty": "",
}


@pytest.mark.parametrize("attack", HEADERS)
def test_headers(good: Good, attack: str) -> None:
    refused_everywhere(forge(header=HEADERS[attack], payload=good.payload))


PAYLOADS: dict[str, Callable[[Good], str]] = {
    **{f"no {name}": (lambda g, n=name: g.without(n)) for name in Good("").claims},
    **{f"{name} null": (lambda g, n=name: g.but(**{n: None})) for name in Good("").claims},
    **{
        f"{name} as text": (lambda g, n=name: g.but(**{n: str(g.claims[n])}))
        for name in ("iat", "nbf", "exp")
    },
    **{f"{name} true": (lambda g, n=name: g.but(**{n: True})) for name in ("iat", "nbf", "exp")},
    **{
        f"{name} fraction": (lambda g, n=name: g.but(**{n: float(g.claims[n])}))
        for name in ("iat", "nbf", "exp")
    },
    "exp past": lambda g: g.but(exp=int(time.time()) - 1),
    "exp now": lambda g: g.but(exp=int(time.time())),
    "exp negative": lambda g: g.but(exp=-1),
    "exp list": lambda g: g.but(exp=[g.claims["exp"]]),
    "exp exponent": lambda g: g.payload.replace(str(g.claims["exp"]), "2e9"),
    "exp infinite": lambda g: g.payload.replace(str(g.claims["exp"]), "1e400"),
    "nbf to come": lambda g: g.but(nbf=int(time.time()) + 1860),
    "iat to come": lambda g: g.but(iat=int(time.time()) + 1860),
    "wrong iss": lambda g: g.but(iss="https://elsewhere.example"),
    "iss in other case": lambda g: g.but(iss="TherapyConnect"),
    "wrong aud": lambda g: g.but(aud="elsewhere"),
    "aud list": lambda g: g.but(aud=["therapyconnect"]),
    "aud list of two": lambda g: g.but(aud=["therapyconnect", "elsewhere"]),
    "another's sub": lambda g: g.but(sub="p_xyz789"),
    "sub of another role": lambda g: g.but(sub="a_abc123"),
    "sub malformed": lambda g: g.but(sub="t_abc123\n"),
    "sub with NUL": lambda g: g.but(sub="t_abc123\x00"),
    "sub number": lambda g: g.but(sub=7),
    "sid unknown": lambda g: g.but(sid="0" * 40),
    "sid SQL": lambda g: g.but(sid="' OR true --"),
    "sid empty": lambda g: g.but(sid=""),
    "sid a list": lambda g: g.but(sid=[g.claims["sid"]]),
    "sid upper case": lambda g: g.but(
        sid=g.claims["sid"].upper() + ("A" if g.claims["sid"].isdigit() else "")
    ),
    "jti empty": lambda g: g.but(jti=""),
    "jti number": lambda g: g.but(jti=1),
    "a refresh token's use": lambda g: g.but(token_use="refresh"),
    "a use of its own": lambda g: g.but(token_use="admin"),
    "an unknown claim": lambda g: g.but(role="admin"),
    "duplicate sub": lambda g: g.payload.replace('"sub":', '"sub":"p_xyz789","sub":'),
    "duplicate exp": lambda g: g.payload.replace('"exp":', '"exp":1,"exp":'),
    "escaped key twice": lambda g: g.payload.replace('"sub":', '"s\\u0075b":"p_xyz789","sub":'),
    "white space": lambda g: g.payload.replace(":", ": "),
    "another order": lambda g: dumps(dict(reversed(g.claims.items()))),
    "trailing data": lambda g: g.payload + "{}",
    "a list": lambda g: f"[{g.payload}]",
    "null": lambda g: "null",
    "text": lambda g: '"' + "x" * 30 + '"',
    "empty": lambda g: "",
    "not UTF-8": lambda g: g.payload.replace("0123", "\udcff"),
    "deep": lambda g: g.payload.replace('"therapyconnect"', "[" * 300 + "]" * 300, 1),
}


@pytest.mark.parametrize("attack", PAYLOADS)
def test_payloads(good: Good, patient: User, attack: str) -> None:
    payload = PAYLOADS[attack](good)
    assert payload != good.payload
    refused_everywhere(sign(b64(HEADER), b64(payload.encode(errors="surrogateescape"))))


def _spare_bits(segment: str) -> str:
    """Another spelling of the same bytes, where the last character has bits to spare."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(segment[-1])
    other = segment[:-1] + alphabet[last ^ 1]
    padding = "=" * (-len(segment) % 4)
    assert base64.urlsafe_b64decode(other + padding) == base64.urlsafe_b64decode(segment + padding)
    return other


def _padded_payload(g: Good) -> str:
    """A payload whose length leaves spare bits in its last character."""
    for length in range(1, 32):
        payload = g.but(jti="f" * length)
        if len(payload.encode()) % 3:
            return payload
    raise AssertionError


SHAPES: dict[str, Callable[[Good], str]] = {
    "empty": lambda g: "-",
    "dots": lambda g: "..",
    "no signature": lambda g: g.token.rsplit(".", 1)[0],
    "empty signature": lambda g: g.token.rsplit(".", 1)[0] + ".",
    "none with no signature": lambda g: f"{b64(HEADERS['alg none'])}.{b64(g.payload)}.",
    "cut signature": lambda g: g.token[:-1],
    "longer signature": lambda g: g.token + "A",
    "padded signature": lambda g: g.token + "=",
    "signature with spare bits": lambda g: _spare_bits(g.token),
    "signature of another token": lambda g: (
        g.token.rsplit(".", 1)[0] + "." + forge(payload=g.but(jti="f")).rsplit(".", 1)[1]
    ),
    "another payload under it": lambda g: ".".join(
        [g.token.split(".")[0], b64(g.but(sub="p_xyz789")), g.token.split(".")[2]]
    ),
    "payload with spare bits": lambda g: sign(b64(HEADER), _spare_bits(b64(_padded_payload(g)))),
    "padded payload": lambda g: sign(b64(HEADER), b64(_padded_payload(g)) + "="),
    "line end in the payload": lambda g: sign(b64(HEADER), b64(g.payload) + "%0A"),
    "four parts": lambda g: g.token + ".AAAA",
    "five parts": lambda g: ".".join([b64(HEADER)] + ["AAAA"] * 4),
    "too long": lambda g: sign(b64(HEADER), b64(g.payload + " " * 2000)),
    "not ASCII": lambda g: g.token + "é",
    "signed with SHA-512": lambda g: forge(payload=g.payload, algorithm="sha512"),
    "signed with nothing": lambda g: forge(payload=g.payload, key=b""),
    "signed with the public name": lambda g: forge(payload=g.payload, key=b"therapyconnect"),
    "signed with Django's key": lambda g: forge(
        payload=g.payload, key=django_settings.SECRET_KEY.encode()
    ),
    "signed with the digests' key": lambda g: forge(
        payload=g.payload, key=key_ring().derive("session.digest")
    ),
    "signed with another ring": lambda g: forge(
        payload=g.payload, key=KeyRing({1: b"x" * 32}).derive("jwt")
    ),
}


@pytest.mark.parametrize("attack", SHAPES)
def test_shapes_and_signatures(good: Good, patient: User, attack: str) -> None:
    token = SHAPES[attack](good)
    assert token != good.token
    refused_everywhere(token)


def test_control_the_padded_payload_is_good_when_spelt_well(good: Good) -> None:
    assert Api(token=forge(payload=_padded_payload(good))).me().status == 200


def test_a_refresh_token_is_no_access_token(therapist: User) -> None:
    refused_everywhere(log_in("therapist@demo.test").meta["refresh_token"])


def test_the_token_of_an_ended_session_is_refused(good: Good) -> None:
    services.revoke_session(session_id=good.claims["sid"])
    for route in ROUTES:
        assert Api(token=good.token).call("GET", route).status == 401


def test_a_clock_that_was_set_back_logs_nobody_out(good: Good) -> None:
    soon = int(time.time()) + 1700
    assert Api(token=forge(payload=good.but(nbf=soon, iat=soon))).me().status == 200


def test_a_rotation_of_the_ring_ends_nothing(therapist: User, settings: Any) -> None:
    before = log_in("therapist@demo.test").meta
    rotated = KeyRing({**key_ring().keys, 2: b"n" * 32})
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "KEY_RING": rotated}
    assert Api(token=before["access_token"]).me().status == 200
    assert Api(session=before["session_token"]).auth("GET", "auth/session").status == 200
    after = logged_in("therapist@demo.test")
    assert after.token is not None
    header = json.loads(base64.urlsafe_b64decode(after.token.split(".")[0] + "=="))
    assert header["kid"] == "2"
    assert after.me().status == 200

    # A version that has left the ring opens nothing any more.
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "KEY_RING": KeyRing({2: b"n" * 32})}
    assert Api(token=before["access_token"]).me().status == 401
    assert Api(session=before["session_token"]).auth("GET", "auth/session").status == 410


def test_hashes_are_what_they_say() -> None:
    """The forger and the verifier are two readings of RFC 7515, not one."""
    key, signed = b"k" * 32, b"header.payload"
    by_hand = hashlib.sha256(
        bytes(b ^ 0x5C for b in key.ljust(64, b"\0"))
        + hashlib.sha256(bytes(b ^ 0x36 for b in key.ljust(64, b"\0")) + signed).digest()
    ).digest()
    assert sign("header", "payload", key=key).rsplit(".", 1)[1] == b64(by_hand)
