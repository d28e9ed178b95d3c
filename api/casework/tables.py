"""The casework tables as they are after the newest migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()

NEWEST = "0002"
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
