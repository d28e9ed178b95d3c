"""A store that fails in the middle of a load: what is there stays, and the same command goes on."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from graph.errors import InputError, StoreError, StoreUnavailableError
from graph.records import Entity, Origin, Relation
from graph.store import Written
from graph.store.port import BATCH
from graph.store.sql import SqlStore
from tests.unit.ingest_files import jsonl, load, store_in


class _Failing(SqlStore):
    """Fails at the third batch, as a server that is stopped or a disk that is full."""

    error: StoreError = StoreUnavailableError("sqlite does not answer")
    batches = 0

    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        self.batches += 1
        if self.batches == 3:
            raise self.error
        return super()._upsert(entities, relations, origin, replace)


@pytest.mark.parametrize("error", [StoreUnavailableError("server is gone"), StoreError("the disk is full")])
def test_a_load_that_broke_off_says_so_and_can_be_repeated(error: StoreError, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "expert.jsonl", ({"id": f"e{n}", "name": f"生成{n}"} for n in range(4 * BATCH)))
    with _Failing(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.error = error
        with pytest.raises(type(error), match=rf"{error}; {2 * BATCH:,} records were loaded.*repeated"):
            load(store, path)
        assert store.counts() == {"expert": 2 * BATCH}
        again = load(store, path).of("expert")
        assert (again.unchanged, again.inserted) == (2 * BATCH, 2 * BATCH)
        assert store.counts() == {"expert": 4 * BATCH}


def test_rejects_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = jsonl(tmp_path / "need.jsonl", [{"id": "n", "budget": "much"}])
    with store_in(tmp_path) as store, pytest.raises(InputError, match="cannot be read or written"):
        load(store, path, rejects=tmp_path / "file" / "rejects.jsonl")


def test_a_load_of_nothing_declares_nothing(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    kind = b'{"entities": [{"name": "plant", "labels": {"en": "plant", "zh": "p"}}]}'
    (tmp_path / "kinds" / "kinds.json").write_bytes(kind)
    with store_in(tmp_path) as store:
        with pytest.raises(InputError, match="holds no files"):
            load(store, tmp_path / "kinds")
        assert "plant" not in store.catalogue.entities
    with store_in(tmp_path) as store:
        assert "plant" not in store.catalogue.entities


@pytest.mark.parametrize("form", ["gb18030", "latin-1"])
def test_a_file_whose_name_is_not_utf8_loads_under_a_name_that_can_be_stored(tmp_path: Path, form: str) -> None:
    name = "专家.csv" if form == "gb18030" else "\xe9\xff.csv"
    (tmp_path / "gbk").mkdir()
    path = os.fsencode(tmp_path / "gbk") + b"/" + name.encode(form)
    with open(path, "wb") as file:
        file.write("id,姓名,职称\nq1,陈样,教授\nq2,,教授,多\n".encode())
    with store_in(tmp_path) as store:
        report = load(store, tmp_path / "gbk")
        assert store.get("expert", "q1") is not None
    report.render().encode()
