"""What the environment says, read once and checked. `docs/guide/self-host.md` lists it all."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from therapyconnect.accounts.outside.providers import IdentityProvider, parse_providers
from therapyconnect.attachments.scanning import scanner_from

Mode = Literal["demo", "production"]
HUBS: Final = ("memory", "postgres")
BROKERS: Final = ("redis", "rediss")
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environment:
    mode: Mode
    host: str
    port: int
    data: Path
    database_url: str
    hub: str
    workers: int
    throttles: bool
    keys: str
    key_file: Path
    hosts: list[str]
    origins: list[str]
    identity_providers: tuple[IdentityProvider, ...]
    passkey_domain: str
    passkey_origins: list[str]
    edit_seconds: int
    emergency_seconds: int
    crisis_file: Path | None
    storage: str
    attachment_quota_bytes: int
    clamav: str
    """Checked. Empty: nobody has decided, which production does not take."""

    @property
    def production(self) -> bool:
        return self.mode == "production"


_DAY: Final = 24 * 3600


def _whole(env: environ.Env, name: str, default: int, least: int, most: int) -> int:
    try:
        value = int(env.int(name, default))
    except ValueError:
        raise ImproperlyConfigured(f"{name} is a whole number") from None
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} is a whole number from {least} to {most}")
    return value


def _hub(hub: str) -> str:
    """Its name, or an address of Redis or Valkey, which is not repeated: it holds a password."""
    address = urlsplit(hub)
    try:
        known = hub in HUBS or (address.scheme in BROKERS and address.port != 0)
        known = known and (hub in HUBS or bool(address.hostname))
    except ValueError:  # the port
        known = False
    if not known:
        raise ImproperlyConfigured(
            "THERAPYCONNECT_HUB is memory or postgres, or redis://host:port or rediss://host:port"
        )
    return hub


def _crisis_file(env: environ.Env, data: Path) -> Path | None:
    """The operator's own table, by its whole path or inside the data folder."""
    name = "THERAPYCONNECT_CRISIS_FILE"
    given = env.str(name, "")
    if not given:
        return None
    file: Path = data / given
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: {file}: {error.strerror}") from None
    except ValueError:
        raise ImproperlyConfigured(f"{name} is the name of a file") from None


def _clamav(env: environ.Env) -> str:
    """Where the virus scanner is, or why there is none."""
    name = "THERAPYCONNECT_CLAMAV"
    given: str = env.str(name, "").strip()
    try:
        scanner_from(given)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None
    return given


def _identity_providers(env: environ.Env) -> tuple[IdentityProvider, ...]:
    """From the variable or the file that it may name instead; every mistake is told at once."""
    name = "THERAPYCONNECT_IDENTITY_PROVIDERS"
    text, file = env.str(name, ""), env.str(f"{name}_FILE", "")
    if text and file:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: set one")
    try:
        return parse_providers(Path(file).read_text("utf-8") if file else text)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None


def _own_origins(hosts: list[str]) -> list[str]:
    """Where browsers find the web client of these hosts, behind a TLS proxy."""
    # A host that begins with a dot or a star stands for many names, and is none itself.
    return [f"https://{host.lower()}" for host in hosts if host and host[0] not in ".*["]


def _passkeys(env: environ.Env, origins: list[str]) -> tuple[str, list[str]]:
    """The domain that passkeys belong to, and the origins that they may be used from.

    Both are fixed here: a request's `Host` could have a passkey made for, or used on, another name.
    """
    name = "THERAPYCONNECT_PASSKEY_DOMAIN"
    names = [urlsplit(origin).hostname or "" for origin in origins]
    domain = env.str(name, "")
    if not domain:
        domain = next((n for n in names if n and not _is_address(n)), "localhost")
    elif not any(n == domain or n.endswith(f".{domain}") for n in names):
        raise ImproperlyConfigured(f"{name}: no origin is {domain} or below it")
    below = [o for o, n in zip(origins, names, strict=True) if f".{n}".endswith(f".{domain}")]
    return domain, below


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _read() -> Environment:
    env = environ.Env()
    mode = env.str("THERAPYCONNECT_MODE", "demo")
    if mode not in ("demo", "production"):
        raise ImproperlyConfigured("THERAPYCONNECT_MODE is demo or production")
    throttles = env.str("THERAPYCONNECT_THROTTLES", "on")
    if throttles not in ("on", "off"):
        raise ImproperlyConfigured("THERAPYCONNECT_THROTTLES is on or off")
    workers = _whole(env, "THERAPYCONNECT_WORKERS", 1, 1, 64)
    hub = _hub(env.str("THERAPYCONNECT_HUB", "memory" if workers == 1 else "postgres"))
    if hub == "memory" and workers != 1:
        raise ImproperlyConfigured(
            "THERAPYCONNECT_HUB=memory is for one process: leave it out, or set it to postgres"
            " or redis://…"
        )
    data = Path(env.str("THERAPYCONNECT_DATA", str(ROOT / "var"))).absolute()
    port = _whole(env, "PORT", 8000, 0, 65535)
    demo_origins = [f"http://localhost:{port}", f"http://127.0.0.1:{port}"]
    production = mode == "production"
    hosts = env.list(
        "THERAPYCONNECT_HOSTS",
        default=[] if production else ["localhost", "127.0.0.1", "[::1]"],
    )
    usual = _own_origins(hosts) if production else demo_origins
    origins = env.list("THERAPYCONNECT_ORIGINS", default=usual)
    passkey_domain, passkey_origins = _passkeys(env, origins or _own_origins(hosts))
    return Environment(
        edit_seconds=_whole(env, "THERAPYCONNECT_EDIT_SECONDS", 15 * 60, 0, 365 * _DAY),
        emergency_seconds=_whole(env, "THERAPYCONNECT_EMERGENCY_SECONDS", 5 * 60, 1, _DAY),
        crisis_file=_crisis_file(env, data),
        storage=env.str("THERAPYCONNECT_STORAGE", ""),
        attachment_quota_bytes=(
            _whole(env, "THERAPYCONNECT_ATTACHMENT_QUOTA_MB", 2_000, 0, 10_000_000) * 1_000_000
        ),
        clamav=_clamav(env),
        mode=cast(Mode, mode),
        host=env.str("HOST", "127.0.0.1"),
        port=port,
        data=data,
        database_url=env.str("DATABASE_URL", ""),
        hub=hub,
        workers=workers,
        throttles=throttles == "on",
        keys=env.str("THERAPYCONNECT_KEYS", ""),
        key_file=Path(env.str("THERAPYCONNECT_KEY_FILE", str(data / "keys" / "ring.json"))),
        hosts=hosts,
        origins=origins,
        identity_providers=_identity_providers(env),
        passkey_domain=passkey_domain,
        passkey_origins=passkey_origins,
    )


ENVIRONMENT = _read()
