"""A store's file that another one takes the place of, while a service has it open."""

from __future__ import annotations

from pathlib import Path

from api.bootstrap import Stores, open_built
from api.refresh import Builder
from api.settings import Settings
from graph.records import Entity, Origin
from graph.store import open_store

ORIGIN = Origin("test", "2024")


def _put_in_place(file: Path, bio: str) -> None:
    """Another store with as many revisions, in the place of the one that is there."""
    other = file.with_name("other.db")
    with open_store(f"sqlite:///{other}") as store:
        store.upsert([Entity("expert", "e", {"bio": bio})], ORIGIN)
    for rest in file.parent.glob(f"{file.name}-*"):
        rest.unlink()
    other.replace(file)


def test_a_builder_goes_on_with_the_store_that_is_there_now(tmp_path: Path) -> None:
    settings, told = Settings(home=tmp_path), list[str]()
    _put_in_place(tmp_path / "graph.db", "激光焊接")
    builder = Builder(settings, told.append)
    try:
        for _ in range(2):
            builder.look()
        _put_in_place(tmp_path / "graph.db", "超声清洗")
        for _ in range(2):
            builder.look()
    finally:
        builder.close()
    assert told == ["done", "done"]  # no build without need, although the number of the revision stayed
    assert open_built(settings).mask.texts("expert")["bio"][0] == "超声清洗"


def test_what_is_written_goes_into_the_store_that_is_there_now(tmp_path: Path) -> None:
    file = tmp_path / "graph.db"
    _put_in_place(file, "激光焊接")
    stores = Stores(f"sqlite:///{file}")
    try:
        stores.current().upsert([Entity("expert", "first", {})], ORIGIN)
        _put_in_place(file, "超声清洗")
        stores.current().upsert([Entity("expert", "second", {})], ORIGIN)
    finally:
        stores.close()
    with open_store(f"sqlite:///{file}") as store:
        assert store.existing("expert", ["e", "first", "second"]) == {"e", "second"}


def test_while_no_file_is_there_no_empty_one_is_made(tmp_path: Path) -> None:
    file = tmp_path / "graph.db"
    _put_in_place(file, "激光焊接")
    stores = Stores(f"sqlite:///{file}")
    try:
        open_one = stores.current()
        file.unlink()
        assert stores.current() is open_one and not file.exists()
    finally:
        stores.close()
