"""Who takes part on the peers' side: the pairs by name, and tokens that the peers check."""

from __future__ import annotations

import secrets
import time

import jwt

SECRET = secrets.token_hex(32)


def pairs(count: int) -> list[dict[str, str]]:
    """As `loadusers` names them, with tokens of the peers' own, valid an hour."""
    ids = [(f"t_load{n:05}", f"p_load{n:05}") for n in range(1, count + 1)]
    return [
        {
            "chat_id": f"CHAT_{therapist}_{patient}",
            "therapist_token": _token(therapist),
            "patient_token": _token(patient),
        }
        for therapist, patient in ids
    ]


def _token(user_id: str) -> str:
    return jwt.encode({"sub": user_id, "exp": int(time.time()) + 3600}, SECRET, "HS256")
