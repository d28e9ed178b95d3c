"""Vectors of the encoder: kept by the hash of their text as they are filled, and a small index of each kind's.

Encoding is slow (some ten to a hundred texts a second), so vectors are filled apart from building, in any number of
goes; a kind is compared by them once nearly all of its texts have one. Texts are encoded redacted, as all of ranking
reads them.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.files import map_arrays, synced, write_arrays
from matching.candidates.analysis import Codes, hashes_of
from matching.candidates.encoder import NAME, WIDTH
from matching.candidates.lexical import Floats
from matching.candidates.semantic import unit

Rows = NDArray[np.int64]

LONGEST = 300
"""Characters of a text that are encoded: judged experts are ranked no worse than by whole abstracts."""
ENOUGH = 0.98
"""Part of a kind's texts that must have vectors before any is compared."""

READ = 10_000
"""Vectors that are read at a time to be checked."""
LENGTH_ERROR = 0.02
"""Most by which the squared length of a vector, kept in half precision, differs from 1."""

_RECORD = np.dtype([("hash", "<u8"), ("vector", "<f2", (WIDTH,))])


class VectorFile:
    """Vectors by the hash of their text, as a file has them now; appended to by one process at a time."""

    def __init__(self, folder: Path, count: int | None = None) -> None:
        """Of the first `count` vectors in the folder's file, by default of all: so a question has one answer."""
        self.path = folder / f"{NAME}-{LONGEST}.vectors"
        there = self.path.stat().st_size // _RECORD.itemsize if self.path.is_file() else 0
        self.count = there if count is None else min(count, there)
        self._records = np.memmap(self.path, _RECORD, "r", shape=(self.count,)) if self.count else np.empty(0, _RECORD)
        self._read = self.count
        self._since: set[int] = set()
        """Hashes of what was appended since, up to vector `_read`."""
        hashes = np.asarray(self._records["hash"], np.uint64)
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def find(self, hashes: Codes) -> Rows:
        """Place of each text's latest vector, -1 for one without."""
        if self.count == 0:
            return np.full(len(hashes), -1)
        at = np.maximum(np.searchsorted(self._hashes, hashes, side="right") - 1, 0)
        return np.where(self._hashes[at] == hashes, self._order[at], -1)

    def vectors(self, places: Rows) -> Floats:
        """Vectors at places, len(places) × WIDTH."""
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
            file.truncate(file.seek(0, 2) // _RECORD.itemsize * _RECORD.itemsize)
            self._look(file)
            new = np.flatnonzero([name not in self._since for name in hashes.tolist()])
            records = np.empty(len(new), _RECORD)
            records["hash"], records["vector"] = hashes[new], vectors[new]
            file.write(records.tobytes())
            synced(file)

    def _look(self, file: IO[bytes]) -> None:
        """Take note of what was appended since the last look."""
        file.seek(self._read * _RECORD.itemsize)
        data = file.read()
        records = np.frombuffer(data[: len(data) // _RECORD.itemsize * _RECORD.itemsize], _RECORD)
        self._since.update(records["hash"].tolist())
        self._read += len(records)


@dataclass(frozen=True)
class EncodedIndex:
    """Unit vectors of one kind's n texts in the d directions in which they differ most.

    The mean of a kind says what all of its texts have in common, above all that they are needs or abstracts: texts of
    two kinds are compared each without its own kind's.
    """

    mean: Floats
    """WIDTH."""
    basis: Floats
    """WIDTH × d."""
    vectors: Floats
    """n × d; zero for a text that has none."""
    known: Floats
    """One number: the part of the texts that have vectors."""

    DIMENSIONS: ClassVar[int] = 64
    SAMPLE: ClassVar[int] = 20_000
    """Texts that the directions are found from, evenly spread over the kind."""

    @classmethod
    def build(cls, file: VectorFile, places: Rows, said: int) -> EncodedIndex:
        """The index of texts whose vectors are at `places` of a file; `said` of them say anything.

        A damaged vector counts as absent.
        """
        places = file.sound(places)
        known = np.flatnonzero(places >= 0)
        raw = file.vectors(places[known])
        mean = raw.sum(axis=0) / max(len(raw), 1)
        raw -= mean
        sample = raw[np.unique(np.linspace(0, len(raw) - 1, min(len(raw), cls.SAMPLE)).astype(np.int64))]
        basis = np.ascontiguousarray(np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, : cls.DIMENSIONS], np.float32)
        vectors = np.zeros((len(places), basis.shape[1]), np.float32)
        vectors[known] = unit(raw @ basis)
        return cls(mean, basis, vectors, np.array([len(known) / said], np.float32))

    @property
    def is_enough(self) -> bool:
        """Whether so many texts have vectors that all may be compared by them."""
        return float(self.known[0]) >= ENOUGH

    def query(self, vector: Floats) -> Floats:
        """The unit vector of a text of any kind, given without that kind's mean; shape (d,)."""
        found: Floats = unit((vector @ self.basis)[None])[0]
        return found


class Encodings:
    """The encoded indexes of a state, and the vectors of what is asked."""

    def __init__(self, file: VectorFile, indexes: Mapping[str, EncodedIndex], names: Mapping[str, str]) -> None:
        self.file, self.indexes, self.names = file, indexes, names
        """`names`: the file of each kind's index, as the manifest has them."""

    @classmethod
    def build(
        cls, folder: Path, vectors: Path, hashes: Mapping[str, Codes], digests: Mapping[str, str], *, full: bool
    ) -> Encodings:
        """Indexes of all kinds of whose texts (by their hashes) some have vectors, kept by their digests in `folder`.

        `vectors` is the folder of the file with the vectors; `full` makes what is there already anew.
        """
        file = VectorFile(vectors)
        names = {}
        for kind, mine in hashes.items():
            places = file.find(mine)
            if (places < 0).all():
                continue
            used = hashlib.blake2b(places.astype(np.int64).tobytes(), digest_size=6).hexdigest()
            names[kind] = f"{kind}-{digests[kind]}-{NAME}-{used}"
            if full or not _is_sound(folder / names[kind]):
                folder.mkdir(exist_ok=True)
                index = EncodedIndex.build(file, places, int((mine != SILENT).sum()))
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
        return self.file.vectors(place)[0] - self.indexes[kind].mean if place[0] >= 0 else None


def _are_sound(vectors: Floats) -> NDArray[np.bool_]:
    """Whether each of n vectors has length 1, as the encoder makes them; damaged ones hardly do."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.abs((vectors**2).sum(axis=1) - 1) < LENGTH_ERROR)


def _is_sound(path: Path) -> bool:
    try:
        return bool(map_arrays(path))
    except ProjectionError:
        return False


SILENT = hashes_of([""])[0]
"""Hash of a text that says nothing: it has no vector."""
