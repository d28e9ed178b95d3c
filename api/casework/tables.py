"""The casework tables as they are after the newest migration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()

NEWEST = "0003"
"""The newest migration: a database that is there already is not looked at any closer."""

KEYS = Table(
    "api_key",
    METADATA,
    Column("slot", Integer, primary_key=True, autoincrement=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("role", String(32), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("parties", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
)
"""API keys. `digest` is the SHA-256 of the token, `parties` a JSON list of `kind:id` or `*`; times are Unix seconds."""

REPLIES = Table(
    "idempotent_reply",
    METADATA,
    Column("key_id", String(16), primary_key=True),
    Column("token", String(255), primary_key=True),
    Column("request", LargeBinary(32), nullable=False),
    Column("started", BigInteger, nullable=False, index=True),
    Column("status", Integer),
    Column("body", LargeBinary),
)
"""Answers to writes that carried an `Idempotency-Key`; `status` is empty while the write runs."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
)
"""Who looked at or changed what; `chain` seals the entry and all before it."""


def _of_inquiry() -> tuple[Column[Any], ...]:
    """Columns of what is kept of an inquiry: its number and time, and whose question it was."""
    return (
        Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("time", BigInteger, nullable=False),
        Column("epoch", String(32), nullable=False),
        Column("key_id", String(64), nullable=False),
        Column("match_kind", Text, nullable=False),
        Column("about", Text, nullable=False),
    )


IMPRESSIONS = Table(
    "impression",
    METADATA,
    *_of_inquiry(),
    Column("shown", Text, nullable=False),
    Index("ix_impression_question", "key_id", "match_kind", "about"),
)
"""Answers as they were shown: `about` is `kind:id` of the subject or a text's hash, `shown` a JSON object."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    *_of_inquiry(),
    Column("candidate", Text, nullable=False),
    Column("event", String(32), nullable=False),
    Column("reason", String(32)),
    Index("ix_feedback_question", "key_id", "match_kind", "about"),
)
"""What viewers did with the candidates they were shown, in the order in which they did it."""
