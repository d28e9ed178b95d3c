"""Vectors of the encoder: kept by the hash of their text as they are filled, and a small index of each kind's.

Encoding is slow (some ten to a hundred texts a second), so vectors are filled apart from building, in any number of
goes; a kind is compared by them once nearly all of its texts have one. Texts are encoded redacted, as all of ranking
reads them.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.files import map_arrays, synced, write_arrays
from matching.candidates.analysis import Codes, hashes_of
from matching.candidates.encoder import PARTS, WIDTH
from matching.candidates.lexical import Floats
from matching.candidates.semantic import unit

Rows = NDArray[np.int64]

FORMAT = 2
"""Of an index's file: change it when the same vectors give another."""
LONGEST = 300
"""Characters of a text that are encoded: judged experts are ranked no worse than by whole abstracts."""
ENOUGH = 0.98
"""Part of a kind's texts that must have vectors before any is compared."""

SCANNED = 25_000
"""Texts of a kind that are compared with each question at the most, and with each other."""
NEAREST = 5
"""Texts that each is linked with."""
READ = 10_000
"""Vectors that are read at a time to be checked."""
BLOCK = 500
"""Texts that are compared with all others at a time."""
LENGTH_ERROR = 0.02
"""Most by which the squared length of a vector, kept in half precision, differs from 1."""


class VectorFile:
    """Vectors by the hash of their text, as a file has them now; appended to by one process at a time."""

    def __init__(self, folder: Path, name: str, count: int | None = None) -> None:
        """Of what encodes (a key of PARTS), by default all; the first `count`, so that a question has one answer."""
        self.name, self.path = name, folder / f"{name}-{LONGEST}.vectors"
        self._record = np.dtype([("hash", "<u8"), ("vector", "<f2", (PARTS[name] * WIDTH,))])
        there = self.path.stat().st_size // self._record.itemsize if self.path.is_file() else 0
        self.count = there if count is None else min(count, there)
        self._records = np.empty(0, self._record)
        if self.count:
            self._records = np.memmap(self.path, self._record, "r", shape=(self.count,))
        self._read = self.count
        self._since: set[int] = set()
        """Hashes of what was appended since, up to vector `_read`."""
        hashes = np.asarray(self._records["hash"], np.uint64)
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    @classmethod
    def fullest(cls, folder: Path, hashes: Sequence[Codes]) -> VectorFile:
        """The file with most of some texts' vectors; the best of equals."""
        files = [cls(folder, name) for name in PARTS]
        return max(reversed(files), key=lambda file: sum(int((file.find(some) >= 0).sum()) for some in hashes))

    def find(self, hashes: Codes) -> Rows:
        """Place of each text's latest vector, -1 for one without."""
        if self.count == 0:
            return np.full(len(hashes), -1)
        at = np.maximum(np.searchsorted(self._hashes, hashes, side="right") - 1, 0)
        return np.where(self._hashes[at] == hashes, self._order[at], -1)

    def vectors(self, places: Rows) -> Floats:
        """Vectors at places, len(places) × PARTS · WIDTH."""
        return np.asarray(self._records["vector"][places], np.float32)

    def sound(self, places: Rows) -> Rows:
        """The places, -1 instead of those whose vector is damaged."""
        checked, there = places.copy(), np.flatnonzero(places >= 0)
        for some in np.array_split(there, len(there) // READ + 1):
            checked[some[~_are_sound(self.vectors(places[some]))]] = -1
        return checked

    def lacks(self, hashes: Codes) -> NDArray[np.bool_]:
        """Whether nobody has appended the vector of each text since this was opened."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                self._look(file)
        return np.array([name not in self._since for name in hashes.tolist()], bool)

    def add(self, hashes: Codes, vectors: Floats) -> None:
        """Append durably the vectors that are not there yet; what a crash left of a record is overwritten."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_dir():
            raise ProjectionError(f"{self.path} is a folder, and vectors are written to a file of that name; remove it")
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(file.seek(0, 2) // self._record.itemsize * self._record.itemsize)
            self._look(file)
            new = np.flatnonzero([name not in self._since for name in hashes.tolist()])
            records = np.empty(len(new), self._record)
            records["hash"], records["vector"] = hashes[new], vectors[new]
            file.write(records.tobytes())
            synced(file)

    def _look(self, file: IO[bytes]) -> None:
        """Take note of what was appended since the last look."""
        file.seek(self._read * self._record.itemsize)
        data = file.read()
        records = np.frombuffer(data[: len(data) // self._record.itemsize * self._record.itemsize], self._record)
        self._since.update(records["hash"].tolist())
        self._read += len(records)


@dataclass(frozen=True)
class EncodedIndex:
    """Unit vectors of one kind's n texts in the d directions in which they differ most.

    The mean of a kind says what all of its texts have in common, above all that they are needs or abstracts: texts of
    two kinds are compared each without its own kind's.
    """

    mean: Floats
    """p × WIDTH, of those that each of p encoders has read."""
    basis: Floats
    """p × WIDTH × d."""
    vectors: Floats
    """n × p · d, of length 1 for each encoder; zero for a text that it has not read."""
    known: Floats
    """One number: the part of the texts that have vectors."""
    nearest: NDArray[np.int32]
    """n × NEAREST: the texts that are most like each, itself where there are no more; n × 0 where nobody asks."""

    DIMENSIONS: ClassVar[int] = 64
    SAMPLE: ClassVar[int] = 20_000
    """Texts that the directions are found from, evenly spread over the kind."""

    @classmethod
    def build(cls, file: VectorFile, places: Rows, said: int, *, linked: bool) -> EncodedIndex:
        """The index of texts whose vectors are at `places` of a file; `said` of them say anything.

        A damaged vector counts as absent. The texts that are most like each are found where they are `linked`.
        """
        places = file.sound(places)
        known = np.flatnonzero(places >= 0)
        raw = file.vectors(places[known]).reshape(len(known), PARTS[file.name], WIDTH)
        mean = np.zeros(raw.shape[1:], np.float32)
        basis = np.zeros((*mean.shape, cls.DIMENSIONS), np.float32)
        vectors = np.zeros((len(places), raw.shape[1], cls.DIMENSIONS), np.float32)
        for part in range(raw.shape[1]):
            read = np.flatnonzero(raw[:, part].any(axis=1))
            mine = raw[read, part]
            mean[part] = mine.sum(axis=0) / max(len(read), 1)
            mine -= mean[part]
            sample = mine[np.unique(np.linspace(0, len(read) - 1, min(len(read), cls.SAMPLE)).astype(np.int64))]
            basis[part] = np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, : cls.DIMENSIONS]
            vectors[known[read], part] = unit(mine @ basis[part])
        flat = vectors.reshape(len(places), -1)
        near = nearest(flat, NEAREST) if linked and len(places) <= SCANNED else np.empty((len(places), 0), np.int32)
        return cls(mean, basis, flat, np.array([len(known) / said], np.float32), near)

    @property
    def parts(self) -> list[Floats]:
        """The vectors of each encoder, n × d."""
        return np.split(self.vectors, len(self.mean), axis=1)

    @property
    def is_enough(self) -> bool:
        """Whether so many texts have vectors that all may be compared by them."""
        return float(self.known[0]) >= ENOUGH

    def query(self, vector: Floats) -> Floats:
        """The unit vectors of a text of any kind, given without that kind's mean (p × WIDTH); shape (p · d,)."""
        return unit(np.einsum("pw,pwd->pd", vector, self.basis)).ravel()

    def cosines(self, rows: Rows, query: Floats) -> Floats:
        """Of some texts with a query."""
        vectors = self.vectors[rows]
        return cosines(vectors, readers(np.split(vectors, len(self.mean), axis=1)), query)


def nearest(vectors: Floats, most: int) -> NDArray[np.int32]:
    """The `most` others that each of n vectors is nearest to by their product, in no order; n × most.

    Where there are fewer others, or a vector is 0, it is its own neighbour instead.
    """
    n = len(vectors)
    found = np.repeat(np.arange(n, dtype=np.int32)[:, None], most, axis=1)
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        products = vectors[rows] @ vectors.T
        products[rows - start, rows] = -np.inf
        best = np.argpartition(-products, min(most, n - 1) - 1, axis=1)[:, : min(most, n - 1)]
        positive = np.take_along_axis(products, best, axis=1) > 0
        found[rows, : best.shape[1]] = np.where(positive, best, rows[:, None])
    return found


def readers(parts: Sequence[Floats]) -> NDArray[np.int8]:
    """How many encoders read each text, of whose vectors these are."""
    return np.asarray(np.count_nonzero([part.any(axis=1) for part in parts], axis=0), np.int8)


def cosines(vectors: Floats, read: NDArray[np.int8], query: Floats) -> Floats:
    """Cosines of n texts with a query, each by the last encoder that read both; shape (n,).

    `vectors` are n × p · d, `read` says by how many encoders each text was read.
    """
    width = EncodedIndex.DIMENSIONS
    near: Floats = vectors[:, :width] @ query[:width]
    for part in range(1, len(query) // width):
        mine = slice(part * width, (part + 1) * width)
        if query[mine].any():
            near = np.where(read > part, vectors[:, mine] @ query[mine], near)
    return near


class Encodings:
    """The encoded indexes of a state, and the vectors of what is asked."""

    def __init__(self, file: VectorFile, indexes: Mapping[str, EncodedIndex], names: Mapping[str, str]) -> None:
        self.file, self.indexes, self.names = file, indexes, names
        """`names`: the file of each kind's index, as the manifest has them."""

    @classmethod
    def build(
        cls, folder: Path, vectors: Path, hashes: Mapping[str, Codes], digests: Mapping[str, str], *,
        linked: Collection[str], full: bool,
    ) -> Encodings:  # fmt: skip
        """Indexes of all kinds of whose texts (by their hashes) some have vectors, kept by their digests in `folder`.

        `vectors` is the folder of the file with the vectors; texts of `linked` kinds are compared with each other;
        `full` makes what is there already anew.
        """
        file = VectorFile.fullest(vectors, list(hashes.values()))
        names = {}
        for kind, mine in hashes.items():
            places = file.find(mine)
            if (places < 0).all():
                continue
            used = hashlib.blake2b(places.astype(np.int64).tobytes(), digest_size=6).hexdigest()
            names[kind] = f"{kind}-{digests[kind]}-{file.name}-{FORMAT}{int(kind in linked)}-{used}"
            if full or not _is_sound(folder / names[kind]):
                folder.mkdir(exist_ok=True)
                index = EncodedIndex.build(file, places, int((mine != SILENT).sum()), linked=kind in linked)
                write_arrays(folder / names[kind], vars(index))
        return cls.open(folder, file, names)

    @classmethod
    def open(cls, folder: Path, file: VectorFile, names: Mapping[str, str]) -> Encodings:
        """What `build` wrote under these names; ProjectionError where it is gone or damaged."""
        indexes = {kind: EncodedIndex(**map_arrays(folder / name)) for kind, name in names.items()}
        return cls(file, indexes, names)

    def of(self, kind: str, text: str) -> Floats | None:
        """The vector of a text without the mean of its kind; None where it was not encoded."""
        if kind not in self.indexes:
            return None
        place = self.file.sound(self.file.find(hashes_of([text])))
        if place[0] < 0:
            return None
        parts = self.file.vectors(place).reshape(-1, WIDTH)
        return np.where(parts.any(axis=1, keepdims=True), parts - self.indexes[kind].mean, np.float32(0))


def _are_sound(vectors: Floats) -> NDArray[np.bool_]:
    """Whether each of n vectors is as encoders make it: of length 1, or of 0 where it was not read."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = (vectors.reshape(len(vectors), vectors.shape[1] // WIDTH, WIDTH) ** 2).sum(axis=2)
        lengths[:, 1:][lengths[:, 1:] == 0] = 1
        return np.asarray((np.abs(lengths - 1) < LENGTH_ERROR).all(axis=1))


def _is_sound(path: Path) -> bool:
    try:
        return bool(map_arrays(path))
    except ProjectionError:
        return False


SILENT = hashes_of([""])[0]
"""Hash of a text that says nothing: it has no vector."""
