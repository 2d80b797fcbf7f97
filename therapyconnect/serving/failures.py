"""Reports of an application that failed, without what it failed on."""

from __future__ import annotations

import logging
import traceback

logger = logging.getLogger("therapyconnect.serving")


def log_failure(what: str, exc: BaseException) -> None:
    """Log the exception's type and where it came from. Its message and its cause's may quote a
    patient: left out.
    """
    kind = type(exc)
    where = "".join(traceback.format_tb(exc.__traceback__))
    logger.error("%s failed: %s.%s\n%s", what, kind.__module__, kind.__qualname__, where)
