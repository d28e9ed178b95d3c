"""The system of record: one port (`GraphStore`), one folder, `open_store(url)` to get one."""

from __future__ import annotations

from graph.errors import StoreError
from graph.store.merge import Written
from graph.store.port import Change, GraphStore

__all__ = ["Change", "GraphStore", "Written", "open_store"]


def open_store(url: str, *, create: bool = True) -> GraphStore:
    """The store at `url`: `sqlite:///file`, `postgresql://…`, `neo4j://…` or `bolt://…`.

    Raises StoreError for a bad address or another schema version, StoreUnavailableError when no server answers.
    With `create=False` an absent SQLite file is an error instead of an empty store.
    """
    scheme = url.partition(":")[0]
    if scheme in {"sqlite", "postgresql", "postgresql+psycopg"}:
        from graph.store.sql import SqlStore

        return SqlStore(url, create=create)
    if scheme.partition("+")[0] in {"neo4j", "bolt"}:
        from graph.store.neo4j import Neo4jStore

        return Neo4jStore(url)
    raise StoreError(
        f"store address {url.split('@')[-1]!r} has scheme {scheme!r}; valid: sqlite:///FILE, "
        "postgresql://USER@HOST/DATABASE, neo4j://HOST:PORT, bolt://HOST:PORT",
        field="store",
    )
