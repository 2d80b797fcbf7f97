"""What an operator may write, and one clear line for each mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import ROOT
from therapyconnect.accounts.outside.providers import parse_providers

GOOD = {
    "issuer": "https://id.clinic.example/",
    "jwks_url": "https://id.clinic.example/.well-known/jwks.json",
    "audience": "therapyconnect",
}


def _but(**changed: Any) -> dict[str, Any]:
    return {key: value for key, value in {**GOOD, **changed}.items() if value != "GONE"}


def test_the_defaults() -> None:
    (provider,) = parse_providers(json.dumps([GOOD]))
    assert provider.user_id_claim == "sub"
    assert provider.algorithms == ("RS256", "ES256")
    assert parse_providers("") == parse_providers(" \n") == parse_providers("[]") == ()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/jwks", "http://localhost/jwks", "http://[::1]:1/k?x=1", "https://x/k"],
)
def test_key_addresses_that_are_taken(url: str) -> None:
    assert parse_providers(json.dumps([_but(jwks_url=url)]))[0].jwks_url == url


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (7, "an object is wanted"),
        (_but(issuer="GONE"), "issuer is missing"),
        (_but(audience="GONE"), "audience is missing"),
        (_but(jwks_uri="https://x/"), "jwks_uri is not known"),
        (_but(issuer=""), "issuer is text"),
        (_but(issuer="https://a b"), "issuer is text"),
        (_but(audience=["a"]), "audience is text"),
        (_but(user_id_claim=7), "user_id_claim is text"),
        (_but(issuer="therapyconnect"), "issuer therapyconnect is our own"),
        (_but(jwks_url="http://id.clinic.example/jwks"), "jwks_url is an https address"),
        (_but(jwks_url="http://127.0.0.1.evil.example/"), "jwks_url is an https address"),
        (_but(jwks_url="http://localhost@evil.example/"), "jwks_url is an https address"),
        (_but(jwks_url="file:///etc/passwd"), "jwks_url is an https address"),
        (_but(jwks_url="https://u:p@x/"), "jwks_url is an https address"),
        (_but(jwks_url="https://x:99999/"), "jwks_url is an https address"),
        (_but(jwks_url="https:///jwks"), "jwks_url is an https address"),
        (_but(algorithms=[]), "algorithms is a list"),
        (_but(algorithms="RS256"), "algorithms is a list"),
        (_but(algorithms=["HS256"]), "algorithm HS256 is not one of RS256"),
        (_but(algorithms=["none"]), "algorithm none is not one of RS256"),
        (_but(algorithms=["RS256", "RS256"]), "an algorithm is listed twice"),
        (_but(algorithms=[["RS256"]]), "algorithm ['RS256'] is not one of"),
    ],
)
def test_mistakes(entry: Any, line: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_providers(json.dumps([GOOD, entry]))
    assert str(caught.value).startswith(f"identity provider 2: {line}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "{}", "7", '[{"issuer": "a", "issuer": "b"}]', "[" * 9999])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(ValueError, match="identity provider"):
        parse_providers(text)


def test_every_mistake_has_its_line() -> None:
    entries = [GOOD, GOOD, _but(issuer="i", algorithms=["HS256", "HS512"], jwks_url="ftp://x")]
    with pytest.raises(ValueError) as caught:
        parse_providers(json.dumps(entries))
    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "identity provider 2", "identity provider 3", "identity provider 3", "identity provider 3",
    ]  # fmt: skip


def _settings(tmp_path: Path, ask: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The settings read anew, as a start reads them."""
    script = f"from therapyconnect.config import environment as e; {ask}"
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"THERAPYCONNECT_DATA": str(tmp_path), **env},
    )  # fmt: skip


def test_a_start_reads_the_variable_or_the_file(tmp_path: Path) -> None:
    name, ask = "THERAPYCONNECT_IDENTITY_PROVIDERS", "print(e.ENVIRONMENT.identity_providers)"
    file = tmp_path / "providers.json"
    file.write_text(json.dumps([GOOD]))
    for env in ({name: json.dumps([GOOD])}, {f"{name}_FILE": str(file)}):
        assert "id.clinic.example" in _settings(tmp_path, ask, **env).stdout
    assert _settings(tmp_path, ask).stdout.strip() == "()"
    for env, line in [
        ({name: "[]", f"{name}_FILE": str(file)}, "are both set"),
        ({f"{name}_FILE": str(tmp_path / "gone")}, "can't be read"),
        ({name: json.dumps([_but(issuer="therapyconnect")])}, "is our own"),
    ]:
        refused = _settings(tmp_path, ask, **env)
        assert refused.returncode != 0
        assert line in refused.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("env", "domain", "origins"),
    [
        ({}, "localhost", ["http://localhost:8000"]),
        (
            {"THERAPYCONNECT_ORIGINS": "https://app.clinic.example,https://clinic.example"},
            "app.clinic.example", ["https://app.clinic.example"],
        ),
        (
            {
                "THERAPYCONNECT_ORIGINS": "https://app.clinic.example,https://other.example",
                "THERAPYCONNECT_PASSKEY_DOMAIN": "clinic.example",
            },
            "clinic.example", ["https://app.clinic.example"],
        ),
        (
            {"THERAPYCONNECT_MODE": "production", "THERAPYCONNECT_HOSTS": ".x.example,a.example"},
            "a.example", ["https://a.example"],
        ),
        (
            {"THERAPYCONNECT_ORIGINS": "https://192.0.2.1,https://[2001:db8::1]:8443"},
            "localhost", [],
        ),
    ],
)  # fmt: skip
def test_where_passkeys_belong(
    tmp_path: Path, env: dict[str, str], domain: str, origins: list[str]
) -> None:
    ask = "print(e.ENVIRONMENT.passkey_domain, e.ENVIRONMENT.passkey_origins)"
    assert _settings(tmp_path, ask, **env).stdout.strip() == f"{domain} {origins}"


def test_a_passkey_domain_without_an_origin_is_refused(tmp_path: Path) -> None:
    env = {
        "THERAPYCONNECT_ORIGINS": "https://app.clinic.example",
        "THERAPYCONNECT_PASSKEY_DOMAIN": "linic.example",
    }
    refused = _settings(tmp_path, **env)
    assert refused.returncode != 0
    assert "no origin is linic.example" in refused.stderr.strip().splitlines()[-1]
