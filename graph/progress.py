"""How long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int], None]
"""Told the stage (a kind, a file) and how many records of it are done."""


def silent(stage: str, done: int) -> None:
    """Tell nobody."""
