"""What an installation has of its own: home folder, secret, casework database, masking epoch."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from api.settings import SECRET_BYTES, Settings
from graph.errors import InputError

if TYPE_CHECKING:
    from api.casework.database import Casework

log = structlog.get_logger("api.installation")
DAY = 86_400


def make_home(home: Path) -> None:
    """Make the installation's folder, closed to other users of the machine; one that is there stays as it is."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"home folder {home} cannot be made: {error.strerror}", field="home") from error


def warn_if_open(home: Path) -> None:
    """Warn of a home folder, one that was there already, into which others can look."""
    if home.stat().st_mode & 0o077:
        log.warning("home_open_to_others", reason="its mode lets others look into it; `chmod 700` it")


def secret_of(settings: Settings) -> bytes:
    """The installation's secret: from the settings, else HOME/secret.key, made with mode 0600 on first use.

    Raises InputError for a file of wrong length, or one that others may read.
    """
    if settings.secret is not None:
        return bytes.fromhex(settings.secret.get_secret_value())
    file = settings.home / "secret.key"
    if not file.exists():
        _make_secret(file)
    if file.stat().st_mode & 0o077:
        raise InputError(f"{file} can be read by others; `chmod 600` it", field="secret")
    secret = file.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise InputError(f"{file} holds {len(secret)} bytes; a secret has {SECRET_BYTES}", field="secret")
    return secret


def _make_secret(file: Path) -> None:
    make_home(file.parent)
    draft = file.with_name(f".secret-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_bytes(SECRET_BYTES))
            out.flush()
            os.fsync(out.fileno())
        # A link fails when the file exists: of two processes that start at once the first one's secret stays.
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def open_casework(settings: Settings) -> Casework:
    """The casework database, brought to the newest schema."""
    from api.casework.database import Casework  # a third of a second that the start of a service need not wait for

    make_home(settings.home)
    casework = Casework(settings.casework_url)
    try:
        casework.migrate()
    except BaseException:
        casework.close()
        raise
    return casework


def epoch_of(settings: Settings, now: float | None = None) -> str:
    """Name of the masking epoch: its length and how many of them there were since 1970."""
    days = int((time.time() if now is None else now) // DAY)
    return f"{settings.epoch_days}d{days // settings.epoch_days}"
