"""What is rejected can be mended and loaded; strict and dry runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from graph.errors import InputError, UnknownNameError
from tests.unit.ingest_files import jsonl, load, state, store_in


def _world(folder: Path) -> Path:
    experts = [{"id": "e1", "name": "甲"}, {"id": "e2", "orcid": "0000-0002-1825-0098"}, {"name": "no id"}]
    jsonl(folder / "entities/expert.jsonl", experts)
    jsonl(folder / "entities/patent.jsonl", [{"id": "p1", "title": "装置"}])
    ends = [{"source": "e1", "target": "p1"}, {"source": "e2", "target": "p1"}, {"source": "e1"}]
    jsonl(folder / "relations/invented.jsonl", ends)
    return folder


def test_mended_rejects_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rejects = tmp_path / "rejects.jsonl"
    with store_in(tmp_path) as store:
        report = load(store, _world(tmp_path / "world"), rejects=rejects)
        assert report.rejected == 4
        entries = sorted(map(orjson.loads, rejects.read_bytes().splitlines()), key=lambda e: (e["file"], e["line"]))
        assert [(e["kind"], e["file"], e["line"], e["field"]) for e in entries] == [
            ("expert", "expert.jsonl", 2, "orcid"),
            ("expert", "expert.jsonl", 3, "id"),
            ("invented", "invented.jsonl", 2, "source"),
            ("invented", "invented.jsonl", 3, "target"),
        ]
        entries[0]["row"]["orcid"] = "0000-0002-1825-0097"
        jsonl(rejects, entries)
        again = load(store, rejects, rejects=rejects)
        assert store.counts() == {"expert": 2, "patent": 1, "invented": 2}
        # The file it was read from now holds what is still wrong, and nothing else.
        left = [orjson.loads(line) for line in rejects.read_bytes().splitlines()]
        assert [(e["kind"], e["field"]) for e in left] == [("expert", "id"), ("invented", "target")]
        assert again.rejected == 2
        assert not list(tmp_path.glob("*.part"))
        jsonl(rejects, [{"kind": "expert", "row": {"id": "mended"}}])
        monkeypatch.chdir(tmp_path)
        assert load(store, Path(rejects.name), rejects=rejects).rejected == 0  # however it is named
        assert not rejects.exists()


GOOD = {"kind": "expert", "row": {"id": "e1", "name": "甲"}}
ENTRY = {
    "kind": "expert",
    "file": "a.csv",
    "line": 7,
    "field": "orcid",
    "reason": "…",
    "row": {"id": "e2", "name": "乙"},
}
LINE = orjson.dumps(ENTRY).decode()


def test_a_rejects_file_with_an_unknown_kind_or_a_row_that_is_still_not_written(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "mended.jsonl", [GOOD, {"kind": "expert", "row": None}])
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert [(entry["line"], entry["kind"]) for entry in report.rejects] == [(2, "expert")]
        assert store.counts() == {"expert": 1}
        with pytest.raises(UnknownNameError, match=r"line 2: 'martian'; valid: .*expert"):
            load(store, jsonl(path, [GOOD, {"kind": "martian", "row": {}}]))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE[:-1], f"unexpected end of data at column {len(LINE)}, behind field 'name'"),
        (LINE.replace('"name":', 'name":'), "behind field 'id'"),
        (LINE + LINE, f"unexpected content after document at column {len(LINE) + 1}"),
        (LINE + ",", f"at column {len(LINE) + 1}"),
        (f"[{LINE}]", "JSON list, not an object"),
        (LINE.replace('"row"', '"rows"'), "field 'rows' is no part of an entry; valid: field, file, kind"),
        (LINE.replace('"kind":"expert",', ""), "field 'kind' is missing"),
        (LINE.replace('"expert"', "null"), "field 'kind' is no text"),
        (orjson.dumps(ENTRY | {"row": "e2"}).decode(), "field 'row' is no object"),
        (orjson.dumps(ENTRY | {"name": "乙"}).decode(), "field 'name' stands beside `row`"),
        ('{"id": "e2", "name": "乙"}', "field 'id' is no part of an entry"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_a_badly_mended_file_is_refused_whole_and_kept(tmp_path: Path, line: str, told: str, first: bool) -> None:
    """Else it would be replaced by what is still wrong, and what could not be read would be lost."""
    path, good = tmp_path / "rejects.jsonl", orjson.dumps(GOOD).decode()
    text = f"{line}\n{good}\n" if first else f"{good}\n{line}\n"
    path.write_text(text, encoding="utf-8")
    with store_in(tmp_path) as store:
        with pytest.raises(InputError) as error:
            load(store, path, rejects=path)
        assert f"rejects.jsonl: line {1 if first else 2}: " in str(error.value) and told in str(error.value)
        assert "Nothing was loaded" in str(error.value) and store.counts() == {}
    assert path.read_text(encoding="utf-8") == text


def test_a_rejects_file_by_another_name_is_known_by_what_is_left_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mended.jsonl"
    with store_in(tmp_path) as store:
        for line, told in ((LINE.replace('"row"', '"rows"'), "field 'rows'"), (LINE[:-1], "behind field 'name'")):
            path.write_text(line, encoding="utf-8")
            with pytest.raises(InputError, match=f"mended.jsonl: line 1: .*{told}"):
                load(store, path)
        path.write_text(LINE[:-1], encoding="gb18030")
        with pytest.raises(InputError, match=r"unexpected end of data .*behind field 'name'"):
            load(store, path)
        path = tmp_path / "rejects.jsonl"
        path.write_text("{\n" * 5, encoding="utf-8")
        with pytest.raises(InputError, match=r"line 3: .*; and 2 more\."):
            load(store, path)
        path.write_text("", encoding="utf-8")
        assert load(store, path).rejected == 0


def test_a_dry_run_reports_the_same_and_writes_nothing(tmp_path: Path) -> None:
    world = _world(tmp_path / "world")
    with store_in(tmp_path) as store:
        before = state(store)
        dry = load(store, world, dry_run=True)
        assert state(store) == before
        real = load(store, world)
        assert {k: (t.read, t.inserted, t.rejected) for k, t in dry.kinds.items()} == {
            k: (t.read, t.inserted, t.rejected) for k, t in real.kinds.items()
        }
        assert "nothing was written" in dry.render() and "nothing was written" not in real.render()


def test_a_dry_run_counts_an_id_once_and_looks_up_a_batch_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": f"r{n % 40}"} for n in range(60)]
    ties = [{"source": f"r{n}", "source_kind": "rig", "target": f"r{n + 1}", "target_kind": "rig"} for n in range(40)]
    labels = {"en": "rig", "zh": "台架"}
    beside = {"name": "beside", "labels": labels, "sources": ["rig"], "targets": ["rig"]}
    world = tmp_path / "world"
    jsonl(world / "entities/rig.jsonl", rows)
    jsonl(world / "relations/beside.jsonl", ties)
    (world / "kinds.json").write_bytes(
        orjson.dumps({"entities": [{"name": "rig", "labels": labels}], "relations": [beside]})
    )
    with store_in(tmp_path) as store:
        dry = load(store, world, dry_run=True)
        assert (dry.of("rig").inserted, dry.of("beside").inserted, dry.of("beside").rejected) == (40, 39, 1)
        load(store, world)
        reads: list[str] = []
        for name in ("get", "existing"):
            monkeypatch.setattr(store, name, _told(reads, getattr(store, name)))
        assert load(store, world, dry_run=True).of("rig").inserted == 0
        assert len(reads) == 3  # the entities, the relations' ends, the one that is missing


def _told(reads: list[str], read: Callable[..., Any]) -> Callable[..., Any]:
    def told(kind: str, *arguments: Any) -> Any:
        reads.append(kind)
        return read(kind, *arguments)

    return told


def test_strict_rejects_what_is_not_declared_and_says_what_is(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "expert.jsonl", [{"id": "e1", "name": "甲", "shoe_size": 43}])
    with store_in(tmp_path) as store:
        strict = load(store, path, strict=True)
        assert store.counts() == {}
        assert strict.rejects[0]["field"] == "shoe_size" and "orcid" in strict.rejects[0]["reason"]
        loose = load(store, path)
        assert loose.rejected == 0 and loose.unknown["expert", "shoe_size"] == 1
