"""Data folders: order, own kinds, repeated loads, age of data, export and back."""

from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from graph.errors import InputError
from ingest.export import write
from tests.unit.ingest_files import jsonl, load, state, store_in, values

KINDS = {"entities": [{"name": "reviewer", "labels": {"en": "reviewer", "zh": "评审"}, "fields": []}]}


def test_a_folder_with_kinds_of_its_own_in_any_order_of_paths(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    jsonl(folder / "entities/reviewer.jsonl", [{"id": "r1"}])
    jsonl(folder / "entities/expert.jsonl", [{"id": "e1", "name": "甲"}])
    jsonl(folder / "relations/same_as.jsonl", [{"source": "r1", "target": "e1"}])
    (folder / "kinds.json").write_bytes(orjson.dumps(KINDS))
    with store_in(tmp_path) as store:
        report = load(store, folder)
        assert report.rejected == 0, report.render()
        assert store.counts() == {"expert": 1, "reviewer": 1, "same_as": 1}
        before = state(store)
        assert load(store, folder).loaded == 0
        assert state(store) == before


def test_a_relation_file_named_before_the_entities_it_needs(tmp_path: Path) -> None:
    relation = jsonl(tmp_path / "authored.jsonl", [{"source": "e1", "target": "w1"}])
    entities = [
        jsonl(tmp_path / f"{kind}.jsonl", [{"id": kind[0].replace("p", "w") + "1"}])
        for kind in ("expert", "publication")
    ]
    with store_in(tmp_path) as store:
        assert load(store, relation, *entities).rejected == 0


def test_files_that_are_no_input_say_what_is(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("x")
    (tmp_path / "empty").mkdir()
    jsonl(tmp_path / "martian.jsonl", [{"id": "1"}])
    with store_in(tmp_path) as store:
        for name, expected in (("a.docx", r"\.xlsx"), ("empty", "data folder"), ("absent", "does not exist")):
            with pytest.raises(InputError, match=expected):
                load(store, tmp_path / name)
        with pytest.raises(InputError, match=r"'martian'.*valid: .*expert"):
            load(store, tmp_path / "martian.jsonl")


@given(rows=st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5), st.integers(2000, 2030)), max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_loads_in_any_order_end_with_the_newest_values(
    rows: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = list({(id, year): (id, name, year) for id, name, year in rows}.values())
    results = []
    for order in (rows, rows[::-1]):
        folder = tmp_path_factory.mktemp("order")
        with store_in(folder) as store:
            for id, name, year in order:
                load(store, jsonl(folder / "expert.jsonl", [{"id": id, "bio": name}]), date=f"{year}-01-01")
            results.append(sorted((e.id, tuple(e.values.items())) for e in store.entities("expert")))
    assert results[0] == results[1]


def test_an_export_loads_back_to_the_same(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    jsonl(tmp_path / "world/entities/expert.jsonl", [{"id": f"e{n}", "tags": ["甲", "乙"]} for n in range(5)])
    jsonl(tmp_path / "world/entities/institution.jsonl", [{"id": "i1", "name": "生成大学"}])
    ends = [{"source": f"e{n}", "target": "i1", "since": "2020"} for n in range(5)]
    jsonl(tmp_path / "world/relations/employed_by.jsonl", ends)
    with store_in(tmp_path) as one, store_in(tmp_path / "two") as two:
        load(one, tmp_path / "world")
        assert write(one, tmp_path / "export") == 11
        load(two, tmp_path / "export")
        assert values(one, "expert") == values(two, "expert")
        assert state(one)[::2] == state(two)[::2]
