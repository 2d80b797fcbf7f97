"""Tokens of an outside provider: what is accepted, and every way of being none.

The keys come over HTTP from a provider on loopback. Each attack changes one thing of a token that
is accepted, and unless it is about the signature is signed with the provider's own key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.accounts.api import AUTH, Api
from tests.accounts.conftest import make_user
from tests.accounts.provider import AUDIENCE, EcKey, EdKey, Provider, RsaKey, b64, token
from therapyconnect.accounts import services
from therapyconnect.accounts.authentication import authenticate_token
from therapyconnect.accounts.models import User
from therapyconnect.accounts.outside.providers import IdentityProvider
from therapyconnect.core.errors import Unauthenticated

RSA, EC = RsaKey("rsa-1"), EcKey("ec-1")
OTHER_RSA, OTHER_EC = RsaKey("rsa-1"), EcKey("ec-1")
THEIRS = RsaKey("theirs-1")


def configured(*entries: dict[str, Any]) -> tuple[IdentityProvider, ...]:
    return tuple(
        IdentityProvider(**{**entry, "algorithms": tuple(entry["algorithms"])}) for entry in entries
    )


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider(RSA, EC) as running:
        yield running


@pytest.fixture(scope="module")
def second() -> Iterator[Provider]:
    """Another trusted provider, with keys of its own."""
    with Provider(THEIRS) as running:
        yield running


@pytest.fixture(autouse=True)
def _trusted(settings: Any, provider: Provider, second: Provider) -> None:
    settings.IDENTITY_PROVIDERS = configured(provider.config(), second.config())


def refused(bearer: str) -> None:
    """By every door, with the one answer."""
    assert Api(token=bearer).me().status == 401
    assert Api(token=bearer).auth("GET", "auth/session").status == 401
    with pytest.raises(Unauthenticated) as caught:
        authenticate_token(bearer)
    assert (caught.value.code, caught.value.detail) == ("not_authenticated", "No valid token.")


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])
def test_a_providers_token_says_who_is_calling(
    provider: Provider, therapist: User, key: RsaKey | EcKey
) -> None:
    me = Api(token=provider.token("t_abc123", key)).me()
    assert me.status == 200
    assert (me.body["id"], me.body["role"]) == ("t_abc123", "therapist")
    principal = authenticate_token(provider.token("t_abc123", key))
    assert principal.outside
    assert principal.expires_at == pytest.approx(time.time() + 600, abs=5)


ACCEPTED: dict[str, Callable[[Provider], str]] = {
    "audience among others": lambda p: p.token("t_abc123", aud=["other", AUDIENCE]),
    "no nbf": lambda p: token(RSA, {k: v for k, v in p.claims("t_abc123").items() if k != "nbf"}),
    "fractions of a second": lambda p: p.token("t_abc123", exp=time.time() + 60.5),
    "a clock a little ahead": lambda p: p.token("t_abc123", iat=time.time() + 20),
    "typ JWT": lambda p: token(RSA, p.claims("t_abc123"), typ="JWT"),
    "no typ": lambda p: token(RSA, p.claims("t_abc123"), header={"alg": "RS256", "kid": "rsa-1"}),
    "a thumbprint beside": lambda p: token(RSA, p.claims("t_abc123"), x5t="AAAA"),
    "unknown claims": lambda p: p.token("t_abc123", email="x@example.org", roles=["admin"]),
    "a day long": lambda p: p.token("t_abc123", exp=int(time.time()) + 24 * 3600),
    "eight kilobytes": lambda p: p.token("t_abc123", groups="g" * 5500),
}


@pytest.mark.parametrize("form", ACCEPTED)
def test_what_providers_really_send(provider: Provider, therapist: User, form: str) -> None:
    assert Api(token=ACCEPTED[form](provider)).me().status == 200


def _without(name: str) -> Callable[[Provider], str]:
    return lambda p: token(RSA, {k: v for k, v in p.claims("t_abc123").items() if k != name})


def _hs256_with_public_key(p: Provider, form: str) -> str:
    public = RSA.private.public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(RSA.jwk()).encode(),
        "n": base64.urlsafe_b64decode(RSA.jwk()["n"] + "=="),
    }[form]
    return token(
        RSA, p.claims("t_abc123"), alg="HS256",
        sign=lambda message: hmac.digest(secret, message, hashlib.sha256),
    )  # fmt: skip


def _none(alg: str) -> Callable[[Provider], str]:
    return lambda p: token(RSA, p.claims("t_abc123"), alg=alg, sign=lambda _: b"")


def _header(**extra: Any) -> Callable[[Provider], str]:
    return lambda p: token(RSA, p.claims("t_abc123"), **extra)


def _but(**changed: Any) -> Callable[[Provider], str]:
    return lambda p: p.token("t_abc123", **changed)


def _now(seconds: float) -> int:
    return int(time.time() + seconds)


HOSTILE: dict[str, Callable[[Provider], str]] = {
    **{f"no {name}": _without(name) for name in ("iss", "aud", "sub", "iat", "exp")},
    **{
        f"{name} {kind}": _but(**{name: value})
        for name in ("iss", "aud", "sub", "iat", "nbf", "exp")
        for kind, value in (("null", None), ("true", True), ("object", {}), ("number", -1))
        if (name, kind) not in {("nbf", "number"), ("iat", "number")}
    },
    **{f"alg {alg}": _none(alg) for alg in ("none", "None", "NONE", "nOnE", "")},
    **{
        f"HS256 with the public key as {form}": (lambda p, f=form: _hs256_with_public_key(p, f))
        for form in ("pem", "der", "jwk", "n")
    },
    "HS256 with nothing": lambda p: token(
        RSA,
        p.claims("t_abc123"),
        alg="HS256",
        sign=lambda message: hmac.digest(b"", message, hashlib.sha256),
    ),
    "an algorithm not allowed here": _header(alg="RS512"),
    "PS256, not allowed here": _header(alg="PS256"),
    "alg of another key type": lambda p: token(
        EC, p.claims("t_abc123"), header={"alg": "ES256", "kid": "rsa-1"}
    ),
    "RS256 under the kid of a curve": lambda p: token(
        RSA, p.claims("t_abc123"), header={"alg": "RS256", "kid": "ec-1"}
    ),
    "alg list": _header(alg=["RS256"], sign=lambda m: RSA.sign(m, "RS256")),
    "alg null": _header(alg=None, sign=lambda m: RSA.sign(m, "RS256")),
    "alg rs256": _header(alg="rs256", sign=lambda m: RSA.sign(m, "RS256")),
    "no kid": lambda p: token(RSA, p.claims("t_abc123"), header={"alg": "RS256"}),
    "kid unknown": _header(kid="rsa-2"),
    "kid number": _header(kid=1),
    "kid empty": _header(kid=""),
    "kid path": _header(kid="../../../dev/null"),
    "kid SQL": _header(kid="' UNION SELECT 'k' --"),
    "kid URL": _header(kid="http://127.0.0.1/key"),
    "kid NUL": _header(kid="rsa-1\x00"),
    "kid huge": _header(kid="k" * 300),
    "embedded jwk": lambda p: token(OTHER_RSA, p.claims("t_abc123"), jwk=OTHER_RSA.jwk()),
    "jwk beside a good key": _header(jwk=RSA.jwk()),
    "jku": _header(jku="https://elsewhere.example/jwks"),
    "x5u": _header(x5u="https://elsewhere.example/x"),
    "x5c": _header(x5c=["AA"]),
    "crit": _header(crit=["exp"]),
    "b64": _header(b64=False),
    "zip": _header(zip="DEF"),
    "a refresh token's typ": _header(typ="rt+jwt"),
    "a log-out token's typ": _header(typ="logout+jwt"),
    "a log-out token": _but(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
    "wrong iss": _but(iss="https://elsewhere.example"),
    "our own iss": _but(iss="therapyconnect"),
    "iss with a slash more": lambda p: p.token("t_abc123", iss=p.issuer + "/"),
    "iss list": lambda p: p.token("t_abc123", iss=[p.issuer]),
    "wrong aud": _but(aud="another-api"),
    "aud list without us": _but(aud=["another-api"]),
    "aud list of objects": _but(aud=[AUDIENCE, {}]),
    "aud empty": _but(aud=[]),
    "exp past": lambda p: p.token("t_abc123", exp=_now(-1)),
    "exp as text": lambda p: p.token("t_abc123", exp=str(_now(600))),
    "exp too far": lambda p: p.token("t_abc123", exp=_now(25 * 3600)),
    "exp for ever": _but(exp=10**30),
    "exp infinite": lambda p: token(
        RSA, json.dumps(p.claims("t_abc123", exp=-7)).replace("-7", "1e400")
    ),
    "exp not a number": lambda p: token(
        RSA, json.dumps(p.claims("t_abc123", exp=-7)).replace("-7", "NaN")
    ),
    "nbf to come": lambda p: p.token("t_abc123", nbf=_now(120)),
    "iat to come": lambda p: p.token("t_abc123", iat=_now(120)),
    "an admin": lambda p: p.token("a_admin1"),
    "a user unknown here": lambda p: p.token("t_nobody"),
    "a user of another role": lambda p: p.token("p_abc123"),
    "id malformed": lambda p: p.token("t_abc123\n"),
    "id with NUL": lambda p: p.token("t_abc123\x00"),
    "id upper case": lambda p: p.token("T_ABC123"),
    "an e-mail address": lambda p: p.token("therapist@demo.test"),
    "id list": lambda p: p.token("t_abc123", sub=["t_abc123"]),
    "wrong key, RSA": lambda p: p.token("t_abc123", OTHER_RSA),
    "wrong key, EC": lambda p: p.token("t_abc123", OTHER_EC),
    "another issuer's key": lambda p: p.token("t_abc123", THEIRS),
    "another issuer's key under our kid": lambda p: token(
        THEIRS, p.claims("t_abc123"), kid="rsa-1"
    ),
    "duplicate sub": lambda p: token(
        RSA, json.dumps(p.claims("t_abc123")).replace('"sub"', '"sub": "p_xyz789", "sub"')
    ),
    "duplicate alg": lambda p: token(
        RSA, p.claims("t_abc123"), header='{"alg":"none","alg":"RS256","kid":"rsa-1"}'
    ),
    "payload a list": lambda p: token(RSA, json.dumps([p.claims("t_abc123")])),
    "deep": lambda p: token(
        RSA, json.dumps(p.claims("t_abc123", x=0)).replace('"x": 0', f'"x": {"[" * 2500}')
    ),
    "no signature": lambda p: p.token("t_abc123").rsplit(".", 1)[0] + ".",
    "two parts": lambda p: p.token("t_abc123").rsplit(".", 1)[0],
    "four parts": lambda p: p.token("t_abc123") + ".AAAA",
    "padded": lambda p: p.token("t_abc123") + "=",
    "line end in the signature": lambda p: p.token("t_abc123") + "%0A",
    "cut signature": lambda p: p.token("t_abc123")[:-4],
    "signature of another token": lambda p: ".".join(
        [*p.token("t_abc123").split(".")[:2], p.token("t_abc123", jti="2").split(".")[2]]
    ),
    "another's payload under it": lambda p: ".".join(
        [
            p.token("t_abc123").split(".")[0],
            b64(json.dumps(p.claims("p_xyz789"))),
            p.token("t_abc123").split(".")[2],
        ]
    ),
    "a signature in DER": lambda p: token(
        EC, p.claims("t_abc123"), sign=lambda m: EC.private.sign(m, ec.ECDSA(_sha256()))
    ),
    "a signature of zeros": lambda p: token(EC, p.claims("t_abc123"), sign=lambda _: bytes(64)),
    "over eight kilobytes": lambda p: p.token("t_abc123", groups="g" * 7000),
}


def _sha256() -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_tokens(provider: Provider, patient: User, attack: str) -> None:
    make_user("t_abc123", "therapist@demo.test")
    make_user("a_admin1", "admin@demo.test")
    bearer = HOSTILE[attack](provider)
    refused(bearer)
    assert provider.asked <= 12, "whatever tokens name, the provider is asked seldom"


def test_a_token_of_one_provider_is_none_of_another(
    provider: Provider, second: Provider, therapist: User
) -> None:
    assert Api(token=second.token("t_abc123")).me().status == 200
    refused(token(THEIRS, provider.claims("t_abc123")))
    refused(token(RSA, second.claims("t_abc123")))


def test_without_providers_nothing_of_it_is_there(
    provider: Provider, therapist: User, settings: Any
) -> None:
    settings.IDENTITY_PROVIDERS = ()
    asked = provider.asked
    refused(provider.token("t_abc123"))
    assert provider.asked == asked


def test_every_algorithm_that_may_be_configured(therapist: User, settings: Any) -> None:
    keys = [RSA, EC, EcKey("ec-384", ec.SECP384R1()), EdKey("ed-1")]
    with Provider(*keys) as every:
        names = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
        settings.IDENTITY_PROVIDERS = configured(every.config(algorithms=names))
        for name in names:
            key = next(k for k in keys if name in (k.alg, *_of_rsa(k)))
            bearer = token(key, every.claims("t_abc123"), alg=name)
            assert Api(token=bearer).me().status == 200, name
        # No key that is there serves an algorithm of another kind.
        for key in keys:
            for name in {"RS256", "ES256", "ES384", "EdDSA"} - {key.alg}:
                wrong = token(
                    key, every.claims("t_abc123"), alg=name,
                    sign=lambda m, k=key: k.sign(m, k.alg),
                )  # fmt: skip
                refused(wrong)


def _of_rsa(key: Any) -> tuple[str, ...]:
    return ("RS384", "RS512", "PS256") if isinstance(key, RsaKey) else ()


def test_the_claim_that_holds_the_id_is_configured(therapist: User, settings: Any) -> None:
    with Provider(RSA) as other:
        name = "https://clinic.example/user_id"
        settings.IDENTITY_PROVIDERS = configured(other.config(user_id_claim=name))
        assert Api(token=other.token("auth0|7", **{name: "t_abc123"})).me().status == 200
        refused(other.token("t_abc123"))
        refused(other.token("t_abc123", **{name: "a_admin1"}))


def test_weak_and_published_private_keys_count_for_nothing(therapist: User, settings: Any) -> None:
    weak, private, encryption = RsaKey("weak", 1024), RsaKey("private"), RsaKey("enc")
    with Provider(weak, private, encryption) as careless:
        body = {"keys": [weak.jwk(), {**private.jwk(), "d": "AQAB"},
                         {**encryption.jwk(), "use": "enc"}, {"kty": "oct", "k": "AA", "kid": "o"},
                         {**RSA.jwk(), "alg": "RS512"}, 7, {}]}  # fmt: skip
        careless.answer = lambda handler: careless.reply(handler, json.dumps(body).encode())
        settings.IDENTITY_PROVIDERS = configured(careless.config())
        for key in (weak, private, encryption, RSA):
            refused(careless.token("t_abc123", key))


def test_a_deactivated_user_is_refused_at_once(provider: Provider, therapist: User) -> None:
    bearer = provider.token("t_abc123")
    assert Api(token=bearer).me().status == 200
    User.objects.filter(pk="t_abc123").update(is_active=False)
    refused(bearer)


def test_it_opens_none_of_the_log_in_routes(provider: Provider, therapist: User) -> None:
    services.open_sessions([therapist])
    api = Api(token=provider.token("t_abc123"))
    for method, route in [
        ("GET", "auth/session"), ("DELETE", "auth/session"), ("GET", "auth/sessions"),
        ("GET", "account/authenticators"), ("GET", "account/authenticators/webauthn"),
        ("GET", "account/authenticators/totp"), ("POST", "auth/reauthenticate"),
        ("POST", "account/password/change"),
    ]:  # fmt: skip
        assert api.auth(method, route, {} if method == "POST" else None).status == 401, route
    secret = Api(session=provider.token("t_abc123"))
    assert secret.call("GET", AUTH + "auth/session").status == 410


def test_the_second_factor_is_the_providers_in_production(
    provider: Provider, therapist: User, production: None
) -> None:
    bearer = provider.token("t_abc123")
    assert not authenticate_token(bearer).mfa_required
    assert Api(token=bearer).me().status == 200


def test_one_session_is_one_issuer_and_person(
    provider: Provider, second: Provider, therapist: User, patient: User
) -> None:
    first = authenticate_token(provider.token("t_abc123")).session_id
    assert authenticate_token(provider.token("t_abc123", EC, jti="2")).session_id == first
    assert authenticate_token(second.token("t_abc123")).session_id != first
    assert authenticate_token(provider.token("p_xyz789")).session_id != first
    assert "t_abc123" not in first
