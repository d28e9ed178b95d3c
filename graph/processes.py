"""Work that several processes share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Any, TypeVar

from graph.errors import QianxianError

Result = TypeVar("Result")
LOOK = 0.5
"""Seconds between two looks at the parent."""


def in_processes(function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], processes: int) -> Iterator[Result]:
    """What the function returns for the arguments of each call, as they come; in this process where one is enough.

    Arguments and results must be picklable. No more calls are made ready than there are processes. Raises what the
    function raises, and QianxianError where a process was killed.
    """
    from joblib import Parallel, delayed  # a moment that only heavy work has to wait for

    pool = Parallel(n_jobs=max(processes, 1), batch_size=1, pre_dispatch="n_jobs", return_as="generator_unordered")
    try:
        yield from pool(delayed(_watched)(os.getpid(), function, arguments) for arguments in calls)
    except BrokenProcessPool as error:
        raise QianxianError(
            "a process that shared the work was killed, most likely for want of memory; no file is half-written, and "
            "fewer processes need less",
            field="processes",
        ) from error


def _watched(asking: int, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    """The function's result; a process that shares the work of another one ends with it."""
    if os.getpid() != asking:
        _end_with(asking)
    return function(*arguments)


@cache
def _end_with(asking: int) -> None:
    """Begin to look whether the process that asked is still the parent: what it left half-done, nobody goes on with."""

    def look() -> None:
        while os.getppid() == asking:
            time.sleep(LOOK)
        os._exit(1)

    threading.Thread(target=look, name="parent", daemon=True).start()
