"""What is rejected can be mended and loaded; strict and dry runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from graph.errors import UnknownNameError
from tests.unit.ingest_files import jsonl, load, state, store_in


def _world(folder: Path) -> Path:
    experts = [{"id": "e1", "name": "甲"}, {"id": "e2", "orcid": "0000-0002-1825-0098"}, {"name": "no id"}]
    jsonl(folder / "entities/expert.jsonl", experts)
    jsonl(folder / "entities/patent.jsonl", [{"id": "p1", "title": "装置"}])
    ends = [{"source": "e1", "target": "p1"}, {"source": "e2", "target": "p1"}, {"source": "e1"}]
    jsonl(folder / "relations/invented.jsonl", ends)
    return folder


def test_mended_rejects_load(tmp_path: Path) -> None:
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
        assert load(store, rejects, rejects=rejects).rejected == 0
        assert not rejects.exists()


def test_a_rejects_file_with_an_unknown_kind_or_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "mended.jsonl"
    good = {"kind": "expert", "row": {"id": "e1", "name": "甲"}}
    with store_in(tmp_path) as store:
        path.write_bytes(orjson.dumps(good) + b'\n{"kind": "expert", "row": null}\n{"a": 1}\nnot json\n')
        report = load(store, path)
        assert [entry["line"] for entry in report.rejects] == [2, 3, 4]
        assert store.counts() == {"expert": 1}
        with pytest.raises(UnknownNameError, match=r"valid: .*expert"):
            load(store, jsonl(path, [good, {"kind": "martian", "row": {}}]))


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
