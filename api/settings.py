"""Every setting of an installation, read from the environment (`QIANXIAN_…`) or given by the caller.

docs/settings.md derives from this class.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from graph.errors import InputError
from graph.schema import first_problem
from graph.store import sqlite_url
from matching.feedback.exposure import MOST_EXPLORED, Policy

PREFIX = "QIANXIAN_"
SECRET_BYTES = 32


class LogLevel(StrEnum):
    """How much the service logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _checked_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) != 2 * SECRET_BYTES or not all(c in "0123456789abcdefABCDEF" for c in text):
        raise ValueError(f"needs {2 * SECRET_BYTES} hexadecimal digits ({SECRET_BYTES} bytes)")
    return value


def _not_empty(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty, as of a variable that was never set; leave it out for the default")
    return value


NotEmpty = BeforeValidator(_not_empty)


class Settings(BaseSettings):
    """What an installation can be told; each has a default that works on one machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    home: Annotated[Path, NotEmpty] = Field(
        default=Path("qianxian-data"), description="Folder that holds everything an installation keeps."
    )
    store: Annotated[str | None, NotEmpty] = Field(
        default=None,
        repr=False,
        description="Address of the graph store; unset: sqlite:///HOME/graph.db. Also postgresql://…, neo4j://….",
    )
    casework: Annotated[str | None, NotEmpty] = Field(
        default=None,
        repr=False,
        description="Address of the casework database (keys, audit, impressions, feedback); "
        "unset: sqlite:///HOME/casework.db. Also postgresql://….",
    )
    secret: Annotated[SecretStr, AfterValidator(_checked_secret)] | None = Field(
        default=None,
        description="64 hexadecimal digits that key aliases and cursors; unset: HOME/secret.key, made on first use.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Server processes; they share the memory-mapped files.")
    epoch_days: int = Field(default=30, ge=1, le=366, description="Days that one masking epoch lasts.")
    k: int = Field(default=5, ge=2, le=1000, description="How many entities at least share what a card shows.")
    explore: float = Field(
        default=0.05,
        ge=0,
        le=MOST_EXPLORED,
        description="Share of the places of an answer that go to candidates hardly shown yet, once there is feedback.",
    )
    exposure_cap: float | None = Field(
        default=None,
        ge=1,
        description="Impressions per epoch, relative to the mean, above which a candidate loses score; unset: no cap.",
    )
    body_limit: int = Field(
        default=1_048_576, ge=1024, le=1 << 30, description="Most bytes of a request body (413 above)."
    )
    text_limit: int = Field(
        default=20_000, ge=1, le=20_000, description="Most characters of one text in a question (422 above)."
    )
    depth_limit: int = Field(default=12, ge=3, le=200, description="Most levels of nesting in a JSON body (422 above).")
    match_limit: int = Field(
        default=100, ge=1, le=100, description="Most matches in one answer, and most entries of a page."
    )
    batch_limit: int = Field(default=1_000, ge=1, le=100_000, description="Most records in one write (422 above).")
    rate_limit: int = Field(default=600, ge=1, le=10_000_000, description="Requests per minute and key (429 above).")
    key_ttl: float = Field(
        default=2.0, ge=0, le=60, description="Seconds a key is remembered: the longest that a revoked one still works."
    )
    metrics_public: bool = Field(
        default=False, description="Whether /metrics answers to other addresses than loopback."
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="Least severe message that is logged.")
    poll_interval: float = Field(
        default=0.05, ge=0.02, le=60, description="Seconds between two looks for a newer store revision."
    )
    encoder: bool = Field(
        default=False, description="Whether the service encodes new texts in the background (extra `encoder`)."
    )
    grace: int = Field(default=10, ge=1, le=600, description="Seconds that running requests get to finish on shutdown.")

    @property
    def store_url(self) -> str:
        """Address of the graph store."""
        return self.store or sqlite_url(self.home / "graph.db")

    @property
    def casework_url(self) -> str:
        """Address of the casework database."""
        return self.casework or sqlite_url(self.home / "casework.db")

    @property
    def policy(self) -> Policy:
        """What is decided about exposure."""
        return Policy(self.explore, self.exposure_cap)

    @property
    def projection_folder(self) -> Path:
        """Where the projection lies."""
        return self.home / "projection"

    @property
    def matching_folder(self) -> Path:
        """Where masks, text indexes and models lie."""
        return self.home / "matching"


def load(**given: object) -> Settings:
    """The settings: what is given (None counts as not given), else the environment, else the defaults.

    Raises InputError that names the setting, never its value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        name = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise InputError(f"setting {PREFIX}{name.upper()}: {first_problem(error)}", field=name) from None
