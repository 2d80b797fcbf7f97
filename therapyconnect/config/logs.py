"""Logging: one JSON object a line, ids only.

Nothing that a person wrote reaches a log: services log ids and codes, Django's request logger is
kept to warnings without bodies, and a traceback is logged as types and places, never with values.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)


def request_id_of_record(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """The id of the request that Django's own line is about: it logs past our middleware."""
    request = getattr(event.get("_record"), "request", None)
    request_id = getattr(request, "request_id", None)
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def bare_traceback(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace an exception by its type and the places it passed.

    A message or a value could hold a patient's words: database errors quote the row they refuse.
    """
    found = event.pop("exc_info", None)
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    elif found and not isinstance(found, tuple):  # `exc_info=True`: what is being handled
        found = sys.exc_info()
    if isinstance(found, tuple) and found[0] is not None:
        places = []
        trace = found[2]
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}:{code.co_name}")
            trace = trace.tb_next
        event["exception"] = found[0].__name__
        event["trace"] = places[-12:]
    return event


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                bare_traceback,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                request_id_of_record,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ExtraAdder(allow=()),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "therapyconnect": {"level": "INFO"},
        "uvicorn": {"level": "WARNING"},
        # 4xx are answers, not incidents, and their lines name paths.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
