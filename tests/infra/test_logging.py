"""Log lines are JSON on standard error, with the process and what the request has bound."""

from __future__ import annotations

import json
import logging as standard
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from infra import logging

pytestmark = pytest.mark.req("OPS-5")

CAMPAIGN = UUID("01936f5e-0000-7000-8000-000000000001")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = standard.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = handlers, level


def test_a_line_is_an_event_name_with_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("api")

    structlog.get_logger().info("launched", campaign=CAMPAIGN)

    (line,) = lines(capsys)
    assert {name: line[name] for name in ("event", "level", "process", "campaign")} == {
        "event": "launched", "level": "info", "process": "api", "campaign": str(CAMPAIGN),
    }  # fmt: skip
    assert line["timestamp"].endswith("Z")
    assert isinstance(line["pid"], int)


def test_what_a_request_binds_stands_in_each_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("api")

    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger().info("asked")
        standard.getLogger("uvicorn.error").warning("odd %s", "header")
    structlog.get_logger().info("later")

    assert [(line["event"], line.get("request_id")) for line in lines(capsys)] == [
        ("asked", "r-1"), ("odd header", "r-1"), ("later", None),
    ]  # fmt: skip


def test_an_exception_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("worker")

    try:
        raise ValueError("bad")
    except ValueError:
        structlog.get_logger().exception("failed")

    (line,) = lines(capsys)
    assert line["level"] == "error"
    assert "ValueError: bad" in line["exception"]


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("api", "warning")

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(capsys)] == ["loud"]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]
