"""A log line tells what broke and where, and nothing of what a person wrote."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from therapyconnect.config.logs import LOGGING

NAME = "therapyconnect.tests.logs"
SECRET = "words-nobody-else-may-read"

log = structlog.get_logger(NAME)


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged so far, through the formatter that the installation's lines go through."""
    written = io.StringIO()
    config = logging.config.DictConfigurator(LOGGING)
    handler = logging.StreamHandler(written)
    handler.setFormatter(config.configure_formatter(dict(LOGGING["formatters"]["json"])))
    logger = logging.getLogger(NAME)
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logger.removeHandler(handler)


def break_it() -> None:
    words = SECRET
    raise ValueError(f"can't take {words}")


def structured(error: Exception) -> None:
    log.error("it.broke", exc_info=True)


def structured_by_itself(error: Exception) -> None:
    log.error("it.broke", exc_info=error)


def exception(error: Exception) -> None:
    log.exception("it.broke")


def standard(error: Exception) -> None:
    logging.getLogger(NAME).error("it.broke", exc_info=True)


@pytest.mark.parametrize("tell", [structured, structured_by_itself, exception, standard])
def test_an_error_is_logged_as_its_type_and_its_places(
    lines: Callable[[], list[dict[str, Any]]], tell: Callable[[Exception], None]
) -> None:
    try:
        break_it()
    except ValueError as error:
        tell(error)
    (line,) = lines()
    assert (line["event"], line["level"], line["exception"]) == ("it.broke", "error", "ValueError")
    here, there = line["trace"]
    assert here.startswith("test_logs.py:")
    assert there.startswith("test_logs.py:")
    assert there.endswith(":break_it")
    assert SECRET not in json.dumps(line)


def test_without_an_error_there_is_no_trace(lines: Callable[[], list[dict[str, Any]]]) -> None:
    log.error("it.broke", exc_info=True)
    log.warning("it.went", exc_info=False)
    assert [set(line) & {"exception", "trace", "exc_info"} for line in lines()] == [set(), set()]
