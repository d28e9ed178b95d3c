"""Judged data on disk: what an evaluation set says of itself, its pairs, and the runs that rankers leave behind."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, field_validator, model_validator

from graph.errors import InputError
from graph.files import replacing
from graph.schema import first_problem
from matching.evaluation.measures import KNOWN, PLACES

Floats = NDArray[np.float64]
Ranked = tuple[str, str, float, float | None]
"""(subject, candidate, score, predicted grade)."""
Run = dict[str, dict[str, tuple[float, float | None]]]
"""Subject → candidate → (score, predicted grade), as a run file has them."""


MOST = 1e9
"""Grades and scores are less."""


class SetAbout(BaseModel):
    """An evaluation set's set.json; keys that are not listed are notes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    match: str | None = None
    """Match kind that is judged."""
    judged: str = Setting("complete", pattern="^(complete|positives)$")
    """Whether only listed pairs are ranked, or only hits are listed and every candidate competes."""
    grades: tuple[float, ...] | None = None
    """Rising grades, or None for a continuous scale."""
    relevant_from: float = 1
    """Least grade that counts as a hit."""
    known: tuple[str, ...] = ()
    """Relations whose partners are left out of a ranking."""
    fold: str = "subject"
    """`subject`, `pair`, a field of the subject, or `none`."""
    mutual: bool = False
    """Whether both directions are judged."""
    metrics: tuple[str, ...] = ()
    """Measures to print."""

    @field_validator("grades")
    @classmethod
    def _rising(cls, grades: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if grades is not None:
            each = np.array(grades, np.float64)
            if not each.size or not np.isfinite(each).all() or (np.diff(each) <= 0).any():
                raise ValueError("grades are numbers, each greater than the one before; for a continuous scale, null")
        return grades

    @model_validator(mode="after")
    def _reached(self) -> SetAbout:
        if not np.isfinite(self.relevant_from):
            raise ValueError("relevant_from is a number")
        if self.grades is not None and self.relevant_from > self.grades[-1]:
            raise ValueError(f"relevant_from {self.relevant_from:g} is above the highest grade, {self.grades[-1]:g}")
        return self

    @field_validator("metrics")
    @classmethod
    def _known(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in metrics if name not in (*KNOWN, *PLACES)]
        if unknown:
            raise ValueError(f"unknown measure {unknown[0]!r}; valid: {', '.join((*KNOWN, *PLACES))}")
        return metrics


@dataclass(frozen=True)
class Pairs:
    """Judged or asked pairs; NaN grades where nothing is judged."""

    subjects: NDArray[np.str_]
    candidates: NDArray[np.str_]
    grades: Floats

    def __len__(self) -> int:
        return len(self.subjects)

    def of(self, kept: NDArray[np.bool_]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.subjects[kept], self.candidates[kept], self.grades[kept])

    def by_subject(self, values: Floats) -> dict[str, Floats]:
        """Subject → values of its pairs, in the order in which they come."""
        return {subject: values[self.subjects == subject] for subject in dict.fromkeys(self.subjects.tolist())}


def read_set(folder: Path) -> SetAbout:
    """The folder's set.json; InputError says what is wrong with it."""
    try:
        return SetAbout.model_validate_json((folder / "set.json").read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} has no set.json, so it is no evaluation set", field="folder") from None
    except ValidationError as error:
        raise InputError(f"{folder / 'set.json'}: {first_problem(error)}", field="set.json") from error


def splits(folder: Path) -> list[str]:
    """Names of the judged splits of a folder."""
    return sorted(path.stem for path in (folder / "judgements").glob("*.tsv"))


def read_pairs(path: Path) -> Pairs:
    """Tab-separated pairs with header `subject candidate` and optionally `grade`; InputError with line and reason."""
    if not path.exists():
        valid = ", ".join(splits(path.parent.parent)) or "none"
        raise InputError(f"{path} does not exist; splits: {valid}", field="split")
    subjects, candidates, grades = [], [], []
    for number, row in _rows(path, ("subject", "candidate")):
        subjects.append(row["subject"])
        candidates.append(row["candidate"])
        grades.append(_number(path, number, row, "grade"))
    return Pairs(np.array(subjects, str), np.array(candidates, str), np.array(grades))


def read_judged(folder: Path, names: Sequence[str]) -> Pairs:
    """The pairs of some splits of a set, all of them judged; InputError where there are none or a grade is missing."""
    pairs = joined([read_pairs(folder / "judgements" / f"{name}.tsv") for name in names])
    if len(pairs) == 0:
        raise InputError(f"{', '.join(names)}: no pair is judged", field="split")
    if (missing := np.flatnonzero(np.isnan(pairs.grades))).size:
        subject, candidate = pairs.subjects[missing[0]], pairs.candidates[missing[0]]
        raise InputError(f"{', '.join(names)}: {subject} and {candidate} have no grade", field="grade")
    return pairs


def read_run(path: Path) -> Run:
    """A run as `write_run` leaves it, `grade` optional; InputError with line and reason."""
    if not path.is_file():
        raise InputError(f"{path} does not exist", field="compare")
    run: Run = {}
    for number, row in _rows(path, ("subject", "candidate", "score")):
        score, grade = _number(path, number, row, "score"), _number(path, number, row, "grade")
        if np.isnan(score):
            raise InputError(f"{path}:{number}: score is missing", field="score")
        said = (score, None if np.isnan(grade) else grade)
        if run.setdefault(row["subject"], {}).setdefault(row["candidate"], said) != said:
            raise InputError(
                f"{path}:{number}: {row['subject']} and {row['candidate']} were scored otherwise before", field="score"
            )
    return run


def run_of(rows: Sequence[Ranked]) -> Run:
    """The same as a run file of these rows."""
    run: Run = {}
    for subject, candidate, score, grade in rows:
        run.setdefault(subject, {})[candidate] = (score, grade)
    return run


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a tab-separated file whose header names the columns."""
    number = 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            if not set(columns) <= set(reader.fieldnames or ()):
                named = f"{', '.join(columns[:-1])} and {columns[-1]}"
                raise InputError(f"{path}: the header must name {named}, tab separated", field="header")
            for number, row in enumerate(reader, start=2):
                if not row["subject"] or not row["candidate"]:
                    raise InputError(f"{path}:{number}: subject and candidate are needed", field="subject")
                yield number, row
        except UnicodeDecodeError as error:
            reason = f"it is not UTF-8 ({error.reason} at byte {error.start})"
            raise InputError(f"{path} behind line {number}: {reason}", field="encoding") from error
        except csv.Error as error:
            raise InputError(f"{path} behind line {number}: {error}", field="line") from error


def _number(path: Path, line: int, row: dict[str, str], column: str) -> float:
    """A column's number, NaN where it is empty or not there."""
    said = row.get(column) or ""
    try:
        number = float(said or "nan")
    except ValueError:
        raise InputError(f"{path}:{line}: {column} {said!r} is no number", field=column) from None
    if said and not abs(number) < MOST:
        raise InputError(f"{path}:{line}: {column} {said!r} is no number of less than {MOST:.0e}", field=column)
    return number


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Several splits as one."""
    return Pairs(
        np.concatenate([p.subjects for p in parts]),
        np.concatenate([p.candidates for p in parts]),
        np.concatenate([p.grades for p in parts]),
    )


def write_run(path: Path, rows: Sequence[Ranked]) -> None:
    """`subject candidate score grade`, tab separated, grade empty where none was predicted."""
    with replacing(path) as file:
        file.write(b"subject\tcandidate\tscore\tgrade\n")
        for subject, candidate, score, grade in rows:
            written = "" if grade is None else repr(grade)
            file.write(f"{subject}\t{candidate}\t{score!r}\t{written}\n".encode())
