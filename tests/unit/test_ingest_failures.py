"""A store that fails in the middle of a load: what is there stays, and the same command goes on."""

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
