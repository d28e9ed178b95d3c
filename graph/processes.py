"""Work that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from graph.errors import QianxianError

Result = TypeVar("Result")


def in_processes(function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], processes: int) -> Iterator[Result]:
    """What the function returns for the arguments of each call, as they come; in this process where one is enough.

    Arguments and results must be picklable. No more calls are made ready than there are processes. Raises what the
    function raises, and QianxianError where a process was killed.
    """
    from joblib import Parallel, delayed  # a moment that only heavy work has to wait for

    pool = Parallel(n_jobs=max(processes, 1), batch_size=1, pre_dispatch="n_jobs", return_as="generator_unordered")
    try:
        yield from pool(delayed(function)(*arguments) for arguments in calls)
    except BrokenProcessPool as error:
        raise QianxianError(
            "a process that shared the work was killed, most likely for want of memory; no file is half-written, and "
            "fewer processes need less",
            field="processes",
        ) from error
