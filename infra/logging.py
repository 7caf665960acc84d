"""JSON lines on standard error: an event name with fields, the process, and whatever the request has bound.

The API binds ``correlation`` (the request's id) with ``structlog.contextvars``, and it travels with each
event into the log; the projector binds it again. One id is therefore found in the lines of every process it
passed.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor


def configure(process: str, level: str = "info") -> None:
    """Send the lines of structlog and of the libraries to standard error, ``level`` and above."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _in_process(process),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    as_json = structlog.processors.JSONRenderer(serializer=_serialized)
    structlog.configure(
        processors=[*shared, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # one write for each line, newline included
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def _in_process(process: str) -> Processor:
    pid = os.getpid()

    def add(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        event["pid"] = pid
        return event

    return add


def _serialized(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
