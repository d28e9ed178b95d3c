"""What the libraries log while a command runs."""

from __future__ import annotations

import sys
from typing import Any


class _Stderr:
    """Writes to whatever stderr is now; results own stdout."""

    def msg(self, message: str) -> None:
        sys.stderr.write(f"{message}\n")

    warning = error = critical = msg


def to_stderr() -> None:
    """Warnings go to stderr as one line each; what is less is not said."""
    import logging

    import structlog

    structlog.configure(
        processors=[structlog.processors.add_log_level, _line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )


def _line(_logger: Any, _method: str, event: Any) -> str:
    level, name = event.pop("level"), event.pop("event")
    facts = ", ".join(f"{key} {value}" for key, value in event.items())
    return f"{level}: {str(name).replace('_', ' ')}{': ' if facts else ''}{facts}"
