"""The real sets load: what is rejected is wrong in them, and loading them again changes nothing."""

from pathlib import Path

import pytest

from tests.unit.ingest_files import load, store_in

KINDS = Path(__file__).parents[2] / "docs" / "examples" / "person-person.kinds.json"
MOST_REJECTED = 0.002
"""Share of rows."""


@pytest.mark.parametrize(
    "name", ["expert-finding-dblp", "investor-startup", "need-achievement-zh", "papers-zh", "two-sided-choice"]
)
def test_a_real_set_loads_and_loads_again_without_a_change(name: str, judged_data: Path, tmp_path: Path) -> None:
    kinds = KINDS if name == "two-sided-choice" else None
    with store_in(tmp_path) as store:
        report = load(store, judged_data / name, kinds=kinds)
        read = sum(tally.read for tally in report.kinds.values())
        assert read > 300
        assert report.rejected <= MOST_REJECTED * read, report.render()
        assert report.loaded + report.rejected == read
        assert sum(store.counts().values()) == report.loaded
        revision = store.revision()
        again = load(store, judged_data / name)
        assert (again.loaded, again.rejected, store.revision()) == (0, report.rejected, revision)


def test_keywords_joined_by_underlines_are_split(judged_data: Path, tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        load(store, judged_data / "papers-zh")
        keywords = [word for paper in store.entities("publication") for word in paper.values.get("keywords", ())]
    assert keywords
    assert not [word for word in keywords if "_" in word]
