"""OpenAlex works and authors, made up."""

import gzip
from pathlib import Path
from typing import Any

import orjson

from tests.unit.ingest_files import jsonl, load, names, state, store_in, values

URL = "https://openalex.org/"


def _author(number: int, orcid: str | None = None) -> dict[str, Any]:
    return {"id": f"{URL}A{number}", "display_name": f"Author {number} (generated)", "orcid": orcid}


INSTITUTION = {"id": f"{URL}I1", "display_name": "Made University", "type": "education", "country_code": "CN"}
WORKS: list[dict[str, Any]] = [
    {
        "id": f"{URL}W1",
        "doi": "https://doi.org/10.1000/Made.1",
        "title": "A generated work",
        "publication_year": 2021,
        "abstract_inverted_index": {"Words": [0, 2], "and": [1], "far": [10**9]},
        "keywords": [{"display_name": "masking"}, {"display_name": "graphs"}],
        "primary_topic": {"field": {"display_name": "Computer Science"}},
        "authorships": [
            {"author": _author(1), "institutions": [INSTITUTION]},
            {"author": _author(2), "institutions": []},
            {"author": {"id": None, "display_name": "nobody"}},
        ],
        "referenced_works": [f"{URL}W2", f"{URL}W2", f"{URL}W99", f"{URL}W1"],
    },
    {
        "id": f"{URL}W2",
        "title": "Another",
        "publication_year": 2019,
        "authorships": [{"author": _author(1, "https://orcid.org/0000-0002-1825-0097"), "institutions": [INSTITUTION]}],
    },
]


def test_works(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "part_000.jsonl", WORKS)
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0, report.render()
        assert values(store, "publication")[0] == {
            "title": "A generated work",
            "abstract": "Words and Words",
            "keywords": ["masking", "graphs"],
            "year": 2021,
            "doi": "10.1000/made.1",
            "discipline": "Computer Science",
        }
        assert values(store, "expert")[0] == {"name": "Author 1 (generated)", "orcid": "0000-0002-1825-0097"}
        assert values(store, "institution") == [
            {"name": "Made University", "institution_type": "education", "region": "CN"}
        ]
        assert names(store, "cites") == [("A generated work", "Another")]
        assert names(store, "employed_by") == [("Author 1 (generated)", "Made University")]
        positions = {edge[2:5:2]: edge.values for edge in store.relations("authored")}
        assert positions == {
            ("A1", "W1"): {"position": 1},
            ("A2", "W1"): {"position": 2},
            ("A1", "W2"): {"position": 1},
        }
        before = state(store)
        load(store, path)
        assert state(store) == before


def test_authors_in_gzip(tmp_path: Path) -> None:
    path = tmp_path / "part_000.gz"
    author = _author(5) | {"last_known_institutions": [INSTITUTION]}
    path.write_bytes(gzip.compress(orjson.dumps(author) + b"\n"))
    with store_in(tmp_path) as store:
        load(store, path)
        assert names(store, "employed_by") == [("Author 5 (generated)", "Made University")]


def test_records_of_odd_shape_are_told_or_read_as_far_as_they_go(tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [
        {"id": f"{URL}W3", "title": "odd", "authorships": "none", "abstract_inverted_index": [1], "keywords": {}},
        {"id": f"{URL}W4", "title": "odder", "referenced_works": [1, None], "primary_topic": None},
        {"id": f"{URL}T1", "display_name": "a topic"},
        {"id": 7},
    ]
    with store_in(tmp_path) as store:
        report = load(store, jsonl(tmp_path / "works.jsonl", odd))
        assert [entry["line"] for entry in report.rejects] == [3, 4]
        assert store.counts() == {"publication": 2}
