"""The error family of the whole product: one base, a stable code, a message that lists the valid values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

QUOTED = 60
"""Most characters of a rejected value that its reason repeats."""


def quoted(value: str) -> str:
    """A rejected value as its reason repeats it: whole or its beginning, so that no report grows with bad input."""
    return repr(value if len(value) <= QUOTED else f"{value[:QUOTED]}…")


class QianxianError(Exception):
    """Base of every error that a user can cause or has to act on.

    `code` is stable and machine-readable (the API's problem `type` ends in it); `retry` says whether the same
    call may succeed later; `field` names the offending input where there is one.
    """

    code = "error"
    retry = False

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process raised it: by its message, whatever that was made of."""
        return _raised_elsewhere, (type(self), str(self), self.__dict__)


def _raised_elsewhere(family: type[QianxianError], message: str, known: Mapping[str, Any]) -> QianxianError:
    error = family.__new__(family, message)
    vars(error).update(known)
    return error


class DeclarationError(QianxianError):
    """A kind, field, hierarchy or path is declared wrongly."""

    code = "declaration"


class UnknownNameError(QianxianError):
    """A kind, field, command option or the like does not exist; the message lists what does."""

    code = "unknown-name"

    def __init__(self, what: str, name: str, valid: Iterable[str], *, field: str | None = None) -> None:
        listed = ", ".join(sorted(valid)) or "none"
        super().__init__(f"unknown {what} {quoted(str(name))}; valid: {listed}", field=field)


class ValueRejectedError(QianxianError):
    """A value cannot be normalised to its field's type or code."""

    code = "value"


class NotFoundError(QianxianError):
    """The object does not exist, or the viewer may not know that it does: both look the same."""

    code = "not-found"


class StoreError(QianxianError):
    """The store cannot be opened, is of another version, or refused an operation."""

    code = "store"


class StoreUnavailableError(StoreError):
    """The store's server does not answer now; the same call may be repeated without harm."""

    code = "store-unavailable"
    retry = True


class DiskFullError(StoreError):
    """There is no room for what is to be written; what was there before stays."""

    code = "disk-full"


class ReadOnlyError(StoreError):
    """What is to be written to can only be read."""

    code = "read-only"


class ProjectionError(QianxianError):
    """A projection on disk is absent, damaged or of another version."""

    code = "projection"


class InputError(QianxianError):
    """A file or request body cannot be read as what it claims to be, or exceeds a limit."""

    code = "input"
