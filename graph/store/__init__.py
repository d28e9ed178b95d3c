"""The system of record: one port (`GraphStore`), one folder, `open_store(url)` to get one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from graph.errors import InputError, StoreError
from graph.store.merge import Written
from graph.store.port import Change, GraphStore

__all__ = ["Change", "GraphStore", "Written", "file_of", "open_store", "sqlite_url"]


def sqlite_url(file: Path) -> str:
    """The address of a file, whatever its name holds; InputError where no database can be of that name."""
    name = str(file.absolute())
    try:
        if "\0" not in name:
            return f"sqlite:///{quote(name)}"
    except UnicodeEncodeError:
        pass
    raise InputError(f"no database can be at {name!r}: its name is not UTF-8, or holds a NUL", field="home")


def file_of(url: str) -> Path | None:
    """The file of a SQLite address; None of every other."""
    if url.partition(":")[0] != "sqlite":
        return None
    from graph.store.tables import file_in

    return file_in(url)


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
