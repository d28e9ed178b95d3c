"""API keys: issued once, stored as a hash, carried by every request.

A token is `qx_ID_SECRET`: a public id of 12 characters to find it by, and 256 random bits. The database keeps the
SHA-256 of the whole token. A slow hash would add nothing to 256 random bits and would cap the request rate.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

import orjson
import sqlalchemy as sa

from api.casework.database import Casework
from api.casework.tables import KEYS
from graph.errors import InputError, NotFoundError, UnknownNameError
from graph.records import EntityKey
from matching.masking import Role, Viewer

TOKEN = re.compile(r"qx_([a-z0-9]{12})_[A-Za-z0-9_-]{43}")
ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
REMEMBERED = 4096
"""Most keys in one process's memory."""


class Scope(StrEnum):
    """What a key may do; the role says how much it sees."""

    MATCH = "match"
    """Ask who fits."""
    READ = "read"
    """Look at records (operators)."""
    WRITE = "write"
    """Change records (operators)."""


@dataclass(frozen=True)
class Key:
    """An issued key, without its token."""

    id: str
    """Public part of the token."""
    slot: int
    """Number of the key, for tables indexed by key."""
    role: Role
    scopes: frozenset[Scope]
    parties: tuple[EntityKey, ...]
    """Own records, or a broker's mandates."""
    everything: bool
    """Whether the mandate is `*`."""
    label: str
    """What its issuer calls it."""
    created: int
    """Unix seconds."""
    expires: int | None
    revoked: int | None
    digest: bytes = field(repr=False)
    viewer: Viewer = field(repr=False)
    """Who asks with it."""

    def works(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def to_dict(self) -> dict[str, object]:
        """JSON form for listings."""
        parties = ["*"] if self.everything else [f"{p.kind}:{p.id}" for p in self.parties]
        return {
            "id": self.id,
            "role": str(self.role),
            "scopes": sorted(self.scopes),
            "parties": parties,
            "label": self.label,
            "created": self.created,
            "expires": self.expires,
            "revoked": self.revoked,
        }


def issue(
    casework: Casework,
    *,
    role: str,
    scopes: Sequence[str] | None = None,
    parties: Sequence[str] = (),
    label: str = "",
    valid_for: timedelta | None = None,
) -> tuple[str, Key]:
    """Make a key and return (token, key); the token is not kept and cannot be shown again.

    `scopes` None gives what the role needs: match for everyone, for operators also read and write. `parties` are
    `kind:id`, or `*` for a broker or operator with a mandate for all. Raises UnknownNameError and InputError.
    """
    checked_role, granted = _role(role), _scopes(role, scopes)
    _check_parties(checked_role, parties)
    if valid_for is not None and valid_for <= timedelta(0):
        raise InputError("`expires` lies in the past; valid: a positive time", field="expires")
    id = "".join(secrets.choice(ID_LETTERS) for _ in range(12))
    token = f"qx_{id}_{secrets.token_urlsafe(32)}"
    now = int(time.time())
    values = {
        "id": id,
        "digest": _digest(token),
        "role": str(checked_role),
        "scopes": " ".join(sorted(granted)),
        "parties": orjson.dumps(list(parties)).decode(),
        "label": label,
        "created": now,
        "expires": None if valid_for is None else now + int(valid_for.total_seconds()),
    }
    with casework.writing() as connection:
        connection.execute(KEYS.insert().values(**values))
    key = find(casework, id)
    assert key is not None
    return token, key


def list_keys(casework: Casework) -> list[Key]:
    """Every key ever issued, oldest first."""
    with casework.reading() as connection:
        return [_key(row) for row in connection.execute(sa.select(KEYS).order_by(KEYS.c.slot))]


def find(casework: Casework, id: str) -> Key | None:
    """The key with this public id."""
    with casework.reading() as connection:
        row = connection.execute(sa.select(KEYS).where(KEYS.c.id == id)).first()
    return None if row is None else _key(row)


def revoke(casework: Casework, id: str) -> Key:
    """Make a key useless (in running services within their `key_ttl`); NotFoundError for an unknown id."""
    with casework.writing() as connection:
        connection.execute(
            KEYS.update().where(KEYS.c.id == id, KEYS.c.revoked.is_(None)).values(revoked=int(time.time()))
        )
    key = find(casework, id)
    if key is None:
        raise NotFoundError(f"no key {id!r}; `qianxian key list` shows the ids", field="id")
    return key


class KeyRing:
    """Recognises tokens; a key is looked up in the database at most once per `ttl` seconds and process.

    So a revocation acts within `ttl` seconds everywhere.
    """

    def __init__(self, casework: Casework, ttl: float) -> None:
        self._casework, self._ttl = casework, ttl
        self._known: OrderedDict[str, tuple[float, Key]] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, token: str) -> Key | None:
        """The key of a token that was looked up within the ttl; costs no input or output."""
        parsed = TOKEN.fullmatch(token)
        entry = self._known.get(parsed[1]) if parsed else None
        if entry is None or entry[0] < time.monotonic():
            return None
        return _proven(entry[1], token)

    def look_up(self, token: str) -> Key | None:
        """The working key of a token, from the database; None for every other token."""
        parsed = TOKEN.fullmatch(token)
        key = find(self._casework, parsed[1]) if parsed else None
        if key is None:
            return None
        with self._lock:
            self._known[key.id] = (time.monotonic() + self._ttl, key)
            self._known.move_to_end(key.id)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return _proven(key, token)


def _proven(key: Key, token: str) -> Key | None:
    same = hmac.compare_digest(_digest(token), key.digest)
    return key if same and key.works(time.time()) else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _role(role: str) -> Role:
    if role not in list(Role):
        raise UnknownNameError("role", role, list(Role), field="role")
    return Role(role)


def _scopes(role: str, scopes: Sequence[str] | None) -> frozenset[Scope]:
    allowed = frozenset(Scope) if role == Role.OPERATOR else frozenset({Scope.MATCH})
    if scopes is None:
        return allowed
    for scope in scopes:
        if scope not in allowed:
            raise UnknownNameError(f"scope for the role {role}", scope, allowed, field="scopes")
    if not scopes:
        raise InputError(f"no scope given; valid: {', '.join(sorted(allowed))}", field="scopes")
    return frozenset(Scope(scope) for scope in scopes)


def _check_parties(role: Role, parties: Sequence[str]) -> None:
    if "*" in parties and (role not in {Role.BROKER, Role.OPERATOR} or len(parties) > 1):
        raise InputError("party `*` stands alone and goes with the roles broker and operator", field="parties")
    for party in parties:
        kind, _, id = party.partition(":")
        if party != "*" and not (kind and id):
            raise InputError(f"party {party!r} is not of the form KIND:ID", field="parties")
    if role == Role.OUTSIDER and parties:
        raise InputError("an outsider stands for nobody; leave `parties` out", field="parties")


def _key(row: sa.Row[tuple[object, ...]]) -> Key:
    listed: list[str] = orjson.loads(row.parties)
    parties = tuple(EntityKey(*p.split(":", 1)) for p in listed if p != "*")
    role = Role(row.role)
    everything = "*" in listed
    return Key(
        id=row.id,
        slot=row.slot,
        role=role,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        parties=parties,
        everything=everything,
        label=row.label,
        created=row.created,
        expires=row.expires,
        revoked=row.revoked,
        digest=bytes(row.digest),
        viewer=Viewer(id=row.id, role=role, parties=parties, everything=everything),
    )
