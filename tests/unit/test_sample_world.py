"""The sample world as a data folder: valid rows, fixed bytes, right sizes, and marked as generated."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from stdnum import isni
from stdnum.cn import uscc

from graph.codes import Scheme
from graph.errors import InputError
from graph.kinds import BUILTIN, NOT_SAME_AS, SAME_AS
from graph.records import identity_key
from graph.schema import Field, FieldType
from ingest.normalise import Normaliser
from ingest.sample import notice
from ingest.sample.ontology import load
from ingest.sample.sizes import LARGEST, ORIGINAL, sizes
from ingest.sample.world import FUND_SET, write

SMALL = 300
"""Experts of the world that most tests read."""

DECIDED = {SAME_AS, NOT_SAME_AS}
"""Relations that only those who run an installation add."""

CODE_FORMS = {
    Scheme.REGION: r"\d{6}|[A-Z]{2}",
    Scheme.INDUSTRY: r"[A-T]\d{2,4}",
    Scheme.IPC: r"[A-H]\d{2}[A-Z]\d{1,4}/\d{2,6}",
    Scheme.PATENT_NUMBER: r"CN[12]\d{8}[ABU]",
    Scheme.DOI: r"10\.5555/\S+",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "world"
    write(folder, experts=SMALL)
    return folder


@cache
def rows(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def entities(world: Path, kind: str) -> list[dict[str, Any]]:
    return rows(world / f"entities/{kind}.jsonl")


def relations(world: Path, kind: str) -> list[dict[str, Any]]:
    return rows(world / f"relations/{kind}.jsonl")


def judged(path: Path) -> list[tuple[str, str, int]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    assert header == "subject\tcandidate\tgrade"
    return [(one, other, int(grade)) for one, other, grade in (line.split("\t") for line in lines)]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_in_another_process_with_another_hash_seed(
    world: Path, tmp_path: Path
) -> None:
    script = "import sys, pathlib; from ingest.sample.world import write; write(pathlib.Path(sys.argv[1]), experts=300)"
    environment = os.environ | {"PYTHONHASHSEED": "4711"}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=True, env=environment, cwd=Path(__file__).parents[2]
    )

    assert digests(tmp_path) == digests(world)


def test_another_seed_gives_another_world(world: Path, tmp_path: Path) -> None:
    write(tmp_path, experts=SMALL, seed=1)

    ours, theirs = digests(world), digests(tmp_path)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] == theirs[name]] == [".sample-world"]


def test_every_kind_has_the_promised_number_of_entities(world: Path) -> None:
    found = {kind: len(entities(world, kind)) for kind in BUILTIN.entities}

    assert found == sizes(SMALL)._asdict()


def test_the_original_scale_is_the_original_scale() -> None:
    assert sizes(4_633) == ORIGINAL
    assert (ORIGINAL.enterprise, ORIGINAL.instrument, ORIGINAL.fund) == (5_544, 1_505, 3_800)
    assert (ORIGINAL.patent, ORIGINAL.need) == (20_000, 10_000)


def test_at_the_largest_scale_an_expert_has_one_document() -> None:
    largest = sizes(LARGEST)

    assert largest.expert == 1_000_000
    assert 1.0 <= (largest.publication + 0.35 * largest.patent) / largest.expert < 1.1


@pytest.mark.parametrize("experts", [-1, 0, 9, LARGEST + 1])
def test_a_size_out_of_range_is_refused_with_the_range(experts: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="valid: 10 to 1000000"):
        write(tmp_path / "world", experts=experts)
    assert not (tmp_path / "world").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(InputError, match="not empty"):
        write(tmp_path, experts=20)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world").write_text("mine")

    with pytest.raises(InputError, match="is a file"):
        write(tmp_path / "world", experts=20)


def test_a_world_replaces_an_earlier_one_completely(tmp_path: Path) -> None:
    write(tmp_path / "twice", experts=40)
    (tmp_path / "twice/entities/left_over.jsonl").write_text("{}")
    write(tmp_path / "twice", experts=20)
    write(tmp_path / "once", experts=20)

    assert digests(tmp_path / "twice") == digests(tmp_path / "once")


@pytest.mark.parametrize("experts", [10, 11, 37])
def test_tiny_worlds_can_be_written(experts: int, tmp_path: Path) -> None:
    write(tmp_path, experts=experts)

    assert len(entities(tmp_path, "expert")) == experts


def fits(field: Field, value: Any) -> bool:
    if field.many:
        return isinstance(value, list) and bool(value) and all(_fits_one(field, item) for item in value)
    return _fits_one(field, value)


def _fits_one(field: Field, value: Any) -> bool:
    if field.type in {FieldType.TEXT, FieldType.STRING, FieldType.CODE}:
        return isinstance(value, str) and value.strip() == value != ""
    if field.type is FieldType.DATE:
        return re.fullmatch(r"(19|20)\d\d-\d\d-\d\d", value) is not None
    if field.type in {FieldType.INTEGER, FieldType.YEAR}:
        return isinstance(value, int) and value > 0
    return isinstance(value, int | float) and np.isfinite(value) and value > 0


@pytest.mark.parametrize("kind", BUILTIN.entities)
def test_every_entity_has_only_declared_fields_of_the_declared_type(world: Path, kind: str) -> None:
    fields = {field.name: field for field in BUILTIN.entity(kind).fields}
    found = entities(world, kind)

    assert len({row["id"] for row in found}) == len(found)
    assert {name for row in found for name in row} == {"id", *fields}
    for row in found:
        wrong = [name for name, value in row.items() if name != "id" and not fits(fields[name], value)]
        assert not wrong, row


def test_the_way_in_takes_every_record_as_it_is(world: Path) -> None:
    normalise = Normaliser(BUILTIN, strict=True)
    for kind in BUILTIN.entities:
        for row in entities(world, kind):
            assert normalise.entity(kind, row).values == {key: value for key, value in row.items() if key != "id"}
    for kind in set(BUILTIN.relations) - DECIDED:
        for row in relations(world, kind):
            assert normalise.relation(kind, row).source == row["source"]


@pytest.mark.parametrize("relation", [name for name in BUILTIN.relations if name not in DECIDED])
def test_every_relation_occurs_and_its_ends_exist(world: Path, relation: str) -> None:
    kind = BUILTIN.relation(relation)
    sources, targets = BUILTIN.ends(relation)
    known = {name: {row["id"] for row in entities(world, name)} for name in BUILTIN.entities}
    found = relations(world, relation)
    identities = set()
    for row in found:
        source = (row.get("source_kind") or _only(sources), row["source"])
        target = (row.get("target_kind") or _only(targets), row["target"])
        values = {name: value for name, value in row.items() if not name.startswith(("source", "target"))}
        assert source[1] in known[source[0]], row
        assert target[1] in known[target[0]], row
        assert source != target
        assert all(fits(kind.property(name), value) for name, value in values.items()), row
        assert values.get("until", "9") > values.get("since", "0"), row
        identities.add((source, target, identity_key(kind, values)))

    assert found
    assert len(identities) == len(found)


def _only(kinds: tuple[str, ...]) -> str:
    (kind,) = kinds
    return kind


def codes(world: Path, scheme: Scheme) -> Iterator[str]:
    for kind in BUILTIN.entities.values():
        for field in kind.fields:
            if field.scheme is scheme:
                for row in entities(world, kind.name):
                    value = row.get(field.name, [])
                    yield from value if isinstance(value, list) else [value]


@pytest.mark.parametrize("scheme", CODE_FORMS)
def test_codes_have_the_form_of_their_scheme(world: Path, scheme: Scheme) -> None:
    found = list(codes(world, scheme))

    assert found
    assert [code for code in found if not re.fullmatch(CODE_FORMS[scheme], code)] == []


def test_credit_codes_have_valid_check_digits_and_belong_to_nobody(world: Path) -> None:
    found = list(codes(world, Scheme.USCC))

    assert len(set(found)) == len(found) > 200
    assert all(uscc.validate(code) == code and code[8:10] == "QX" for code in found)


def test_orcids_have_valid_check_digits_and_belong_to_nobody(world: Path) -> None:
    found = list(codes(world, Scheme.ORCID))

    assert len(set(found)) == len(found) > 100
    assert all(isni.is_valid(code) and code.startswith("0000-0007-") for code in found)


def test_the_folder_says_that_it_is_generated(world: Path) -> None:
    about = orjson.loads((world / "set.json").read_bytes())
    second = orjson.loads((world / FUND_SET / "set.json").read_bytes())
    readme = (world / "README.md").read_text(encoding="utf-8")

    assert about["generated"] is second["generated"] is True
    assert notice.EN in about["note"] and notice.EN in second["note"]
    assert notice.EN in readme and notice.ZH in readme
    assert all(row["id"].startswith(f"sample-{kind}-") for kind in BUILTIN.entities for row in entities(world, kind))


def test_progress_is_told_for_every_file(tmp_path: Path) -> None:
    seen: dict[str, int] = {}
    write(tmp_path, experts=20, progress=lambda name, count: seen.__setitem__(name, count))

    assert seen["entities/expert.jsonl"] == 20
    assert len(seen) == len(BUILTIN.entities) + len(BUILTIN.relations) - len(DECIDED) + 1  # holds in two parts


def test_judged_pairs_exist_and_did_not_leak_into_the_relations(world: Path) -> None:
    about = orjson.loads((world / "set.json").read_bytes())
    found = judged(world / "judgements/dev.tsv")
    askers = {row["target"]: row["source"] for row in relations(world, "posted")}
    worked = {(row["target"], row["source"]) for row in relations(world, "collaborated")}
    known = {row["id"] for row in entities(world, "expert")}

    assert {grade for _, _, grade in found} == set(about["grades"])
    assert {expert for _, expert, _ in found} <= known
    assert len({(need, expert) for need, expert, _ in found}) == len(found)
    assert worked.isdisjoint((askers[need], expert) for need, expert, _ in found)


def test_judged_experts_have_no_conflict_but_others_do(world: Path) -> None:
    askers = {row["target"]: row["source"] for row in relations(world, "posted")}
    close = {(row["target"], row["source"]) for name in ("employed_by", "holds") for row in relations(world, name)}

    assert close.isdisjoint((askers[need], expert) for need, expert, _ in judged(world / "judgements/dev.tsv"))
    assert any(firm in {one for one, _ in close if "enterprise" in one} for firm in askers.values())


@pytest.mark.parametrize("split", ["dev", "cold"])
def test_hidden_investments_are_in_no_relation_of_either_folder(world: Path, split: str) -> None:
    hidden = {(fund, firm) for firm, fund, _ in judged(world / FUND_SET / f"judgements/{split}.tsv")}
    for folder in (world, world / FUND_SET):
        known = {(row["source"], row["target"]) for name in ("invested", "holds") for row in relations(folder, name)}
        assert hidden.isdisjoint(known)
    invested = {row["target"] for row in relations(world, "invested")}

    assert hidden
    assert all((firm in invested) == (split == "dev") for _, firm in hidden)


def test_texts_are_chinese_and_english_about_sixty_to_forty(world: Path) -> None:
    texts = [
        row.get(name, "") for kind, name in (("publication", "abstract"), ("patent", "abstract"), ("need", "text"))
        for row in entities(world, kind)
    ]  # fmt: skip
    chinese = [sum("一" <= sign <= "鿿" for sign in text) > len(text) / 3 for text in texts if text]

    assert 0.5 < np.mean(chinese) < 0.7


def test_firms_sit_mostly_in_hangzhou_then_the_province_then_elsewhere(world: Path) -> None:
    places = [row["regions"][0] for row in entities(world, "enterprise") if "regions" in row]
    shares = [np.mean([place.startswith(prefix) for place in places]) for prefix in ("3301", "33")]

    assert 0.4 < shares[0] < shares[1] < 0.95
    assert any(not place.isdigit() for place in places)


def test_texts_give_names_and_numbers_away_for_the_redactor_to_find(world: Path) -> None:
    texts = " ".join(row.get("text", "") + row.get("bio", "") for k in ("need", "expert") for row in entities(world, k))
    names = {row["name"] for kind in ("enterprise", "expert") for row in entities(world, kind) if "name" in row}

    assert sum(name in texts for name in names) > 20
    assert re.search(r"\b154\d{8}", texts) and re.search(r"@example\.(com|org|net)", texts)
    assert any(uscc.is_valid(code) for code in re.findall(r"91[0-9A-Z]{16}", texts))


def test_instruments_are_asked_for_by_test_and_condition(world: Path) -> None:
    requests = [row for row in entities(world, "need") if row.get("need_type") == "设备需求"]
    asks = {ask for kind in load().instruments for language in kind.asks for ask in language}

    assert len(requests) > 50
    titles = [row["title"] for row in requests if "title" in row]
    assert np.mean([any(ask in title for ask in asks) for title in titles]) > 0.9
    assert any(re.search(r"150 (℃|°C)", row.get("text", "")) for row in requests)


def test_the_vocabulary_is_that_of_the_documentation(world: Path) -> None:
    words = load().grammar["vocabulary"]
    sectors = {sector.name.zh[0] for sector in load().sectors}

    assert {row["need_type"] for row in entities(world, "need") if "need_type" in row} == set(words["need_types"])
    assert {stage for row in entities(world, "fund") for stage in row.get("stages", [])} == set(words["stages"])
    assert {sector for row in entities(world, "fund") for sector in row.get("sectors", [])} == sectors
    page = (Path(__file__).parents[2] / "docs/sample-world.md").read_text(encoding="utf-8")
    assert all(word in page for word in (*words["need_types"], *words["stages"], *sectors))
