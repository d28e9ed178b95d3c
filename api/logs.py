"""Structured logs without personal data: JSON lines of named facts; whatever is not on the list is redacted."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

SHOWN = frozenset(
    {
        *("event", "level", "timestamp", "logger", "message", "reason", "error", "frames"),
        *("pid", "signal", "address", "port", "workers", "stage", "done", "count", "seconds", "revision", "epoch"),
        *("request_id", "method", "route", "status", "ms", "key", "kind", "match_kind"),
    }
)
"""What a log line may say; every other value is replaced."""
_PLACE = re.compile(r"\s*\S*%[-#0+]*[\d.]*[a-zA-Z]\S*?(?=[.,:;]?(\s|$))")
"""A word of a message template that an argument fills, without a point or comma after it."""
OWN = ("uvicorn", "alembic")
"""Libraries whose message templates hold no data of ours."""


def configure(level: str) -> None:
    """Send structlog and the standard library's logging to standard error as JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redacted,
            structlog.processors.JSONRenderer(serializer=_dumped),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, _Patient(sys.stderr.buffer))),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Handler()]
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(max(number, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"


class _Patient:
    """A file that lines may not reach: work goes on when the disk that the log is on is full."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: bytes) -> int:
        """Write a line, if there is room."""
        with suppress(OSError):
            return self._file.write(line)
        return 0

    def flush(self) -> None:
        """Pass on what was written, if there is room."""
        with suppress(OSError):
            self._file.flush()


def redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: values under names that are not listed are replaced."""
    return {name: value if name in SHOWN else "[redacted]" for name, value in event.items()}


def frames(error: BaseException) -> list[str]:
    """Where an error came from, innermost last, without its message or any value: both may hold data."""
    return [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)][-20:]


def _dumped(event: Any, **_options: Any) -> bytes:
    return orjson.dumps(event, default=lambda _value: "[redacted]")


def _without_places(template: str) -> str:
    """A message template without the words that arguments fill: `Started server process [%d]` ends before the last."""
    return _PLACE.sub("", template).strip()


class _Handler(logging.Handler):
    """Passes standard log records on: the template only, never the arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        if record.name.partition(".")[0] in OWN:
            facts["message"] = _without_places(str(record.msg)) if record.args else str(record.msg)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            facts |= {"error": type(error).__name__, "frames": frames(error)}
        structlog.get_logger().log(record.levelno, "library", **facts)
