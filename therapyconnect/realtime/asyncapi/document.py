"""The document, put together: once for a process, but for the name that it is asked by."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from therapyconnect import __version__
from therapyconnect.core.rest.schema import Error
from therapyconnect.realtime.asyncapi import words
from therapyconnect.realtime.asyncapi.channels import (
    ANSWERS,
    ASKED,
    CHANNELS,
    SAID,
    Asked,
    Channel,
    Frame,
    tag_of,
)
from therapyconnect.realtime.asyncapi.examples import examples_on
from therapyconnect.realtime.asyncapi.schemas import Schema, not_null, ref_to, schemas_of, told_of
from therapyconnect.realtime.door import SUBPROTOCOL
from therapyconnect.realtime.frames import ErrorSaid

ASYNCAPI: Final = "3.0.0"
WEBSOCKET_BINDING: Final = "0.1.0"
WEBSOCKET_VERSION: Final = "13"


def document(*, host: str, secure: bool) -> dict[str, Any]:
    """AsyncAPI 3 for who reached the server as `host` (`name` or `name:port`)."""
    here = {
        "host": host,
        "protocol": "wss" if secure else "ws",
        "protocolVersion": WEBSOCKET_VERSION,
        "description": words.SERVER,
        "security": [
            {"$ref": "#/components/securitySchemes/bearer"},
            {"$ref": "#/components/securitySchemes/subprotocol"},
        ],
    }
    return {**_of_the_process(), "servers": {"here": here}}


@cache
def _of_the_process() -> dict[str, Any]:
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "TherapyConnect sockets",
            "version": __version__,
            "description": words.ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.key: _channel(channel) for channel in CHANNELS},
        "operations": {
            name: operation
            for channel in CHANNELS
            for name, operation in (
                *((f"{channel.key}.{tag_of(kind)}", _asking(channel, kind)) for kind in ASKED),
                (f"{channel.key}.hear", _saying(channel)),
            )
        },
        "components": {
            "schemas": _schemas(),
            "correlationIds": {
                "ref": {
                    "description": "The client's own mark of a request, echoed in its answer.",
                    "location": "$message.payload#/ref",
                }
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": words.BY_HEADER,
                },
                "subprotocol": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": words.BY_SUBPROTOCOL,
                },
            },
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": channel.address,
        "title": channel.title,
        "description": f"{words.refusals_in_words()}\n\n{words.close_codes_in_words()}",
        "parameters": {
            channel.parameter: {
                "description": channel.parameter_description,
                "examples": [channel.example_id],
            }
        },
        "messages": {kind.__name__: _message(channel, kind) for kind in (*ASKED, *channel.said)},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": _handshake_headers(),
                "bindingVersion": WEBSOCKET_BINDING,
            }
        },
        "x-refusals": {
            str(status): {"description": meaning, "payload": ref_to(Error.__name__)}
            for status, meaning in words.REFUSALS.items()
        },
        "x-close-codes": {str(code): meaning for code, meaning in words.CLOSE_CODES.items()},
    }


def _handshake_headers() -> Schema:
    return {
        "type": "object",
        "properties": {
            "Authorization": {"type": "string", "description": words.BY_HEADER},
            "Sec-WebSocket-Protocol": {
                "type": "string",
                "description": words.BY_SUBPROTOCOL,
                "examples": [f"{SUBPROTOCOL}, bearer.<access token>"],
            },
            "Origin": {"type": "string", "description": "Sent by browsers."},
        },
    }


def _message(channel: Channel, kind: Frame) -> dict[str, Any]:
    summary, rest = told_of(kind)
    message = {
        "name": tag_of(kind),
        "title": tag_of(kind),
        "summary": summary,
        "payload": ref_to(channel.name_of(kind)),
        "correlationId": {"$ref": "#/components/correlationIds/ref"},
        "examples": [
            {"name": f"{tag_of(kind)}_{number}", "payload": payload}
            for number, payload in enumerate(examples_on(channel, kind), 1)
        ],
    }
    return {**message, "description": rest} if rest else message


def _asking(channel: Channel, kind: Asked) -> dict[str, Any]:
    """What a client may ask, and what answers it."""
    answer = ANSWERS[kind]
    answers = (ErrorSaid,) if answer is None else (answer, ErrorSaid)
    return {
        "action": "receive",
        "channel": _ref(channel),
        "title": f"Ask: {tag_of(kind)}",
        "summary": told_of(kind)[0],
        "messages": [_ref(channel, kind)],
        "reply": {"channel": _ref(channel), "messages": [_ref(channel, one) for one in answers]},
    }


def _saying(channel: Channel) -> dict[str, Any]:
    """All that the server says, asked or not."""
    return {
        "action": "send",
        "channel": _ref(channel),
        "title": "Hear",
        "summary": "Everything that the server says on this socket.",
        "messages": [_ref(channel, kind) for kind in channel.said],
    }


def _ref(channel: Channel, kind: Frame | None = None) -> dict[str, str]:
    path = f"#/channels/{channel.key}"
    return {"$ref": path if kind is None else f"{path}/messages/{kind.__name__}"}


def _schemas() -> dict[str, Schema]:
    """The frames, the stricter ones of a socket, and all of a socket each way as one choice."""
    # Apart: what an error tells of a resource is the same shape under the same name.
    found = {**schemas_of((Error,)), **schemas_of((*ASKED, *SAID))}
    for channel in CHANNELS:
        for kind, needed in channel.needs.items():
            name = channel.name_of(kind)
            fields = found[kind.__name__]["properties"]
            found[name] = {
                "title": name,
                "description": f"`{tag_of(kind)}` as it is on this socket.",
                "allOf": [ref_to(kind.__name__)],
                "properties": {field: not_null(fields[field]) for field in needed},
                "required": list(needed),
            }
        both = {"Asked": ASKED, "Said": channel.said}
        for direction, kinds in both.items():
            name = f"{channel.key.title()}Socket{direction}"
            found[name] = {
                "title": name,
                "description": f"Any frame of {channel.address}; `type` tells them apart.",
                "oneOf": [ref_to(channel.name_of(kind)) for kind in kinds],
            }
    return dict(sorted(found.items()))
