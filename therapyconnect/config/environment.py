"""What the environment says, read once and checked. `docs/guide/self-host.md` lists it all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import environ
from django.core.exceptions import ImproperlyConfigured

Mode = Literal["demo", "production"]
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

    @property
    def production(self) -> bool:
        return self.mode == "production"


def _whole(env: environ.Env, name: str, default: int) -> int:
    try:
        return int(env.int(name, default))
    except ValueError:
        raise ImproperlyConfigured(f"{name} is a whole number") from None


def _read() -> Environment:
    env = environ.Env()
    mode = env.str("THERAPYCONNECT_MODE", "demo")
    if mode not in ("demo", "production"):
        raise ImproperlyConfigured("THERAPYCONNECT_MODE is demo or production")
    throttles = env.str("THERAPYCONNECT_THROTTLES", "on")
    if throttles not in ("on", "off"):
        raise ImproperlyConfigured("THERAPYCONNECT_THROTTLES is on or off")
    hub = env.str("THERAPYCONNECT_HUB", "memory")
    if hub != "memory":
        raise ImproperlyConfigured("THERAPYCONNECT_HUB: this version has the engine memory")
    workers = _whole(env, "THERAPYCONNECT_WORKERS", 1)
    if workers != 1:
        raise ImproperlyConfigured("THERAPYCONNECT_WORKERS: this version runs one process")
    data = Path(env.str("THERAPYCONNECT_DATA", str(ROOT / "var"))).absolute()
    port = _whole(env, "PORT", 8000)
    demo_origins = [f"http://localhost:{port}", f"http://127.0.0.1:{port}"]
    production = mode == "production"
    return Environment(
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
        hosts=env.list(
            "THERAPYCONNECT_HOSTS",
            default=[] if production else ["localhost", "127.0.0.1", "[::1]"],
        ),
        origins=env.list("THERAPYCONNECT_ORIGINS", default=[] if production else demo_origins),
    )


ENVIRONMENT = _read()
