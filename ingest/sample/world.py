"""Writes a sample world as a data folder. ★ Start here: the steps are in the order of the text."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from graph.errors import InputError
from graph.progress import Progress, silent
from ingest.sample import apparatus, asking, edges, judgements, notice, outcomes, papers, parties, texts
from ingest.sample.chance import Ints
from ingest.sample.ontology import load
from ingest.sample.outcomes import Pairs
from ingest.sample.population import World, populate
from ingest.sample.records import Row, identifier
from ingest.sample.sizes import ORIGINAL, sizes

FUND_SET = "sets/enterprise-fund"
"""The second evaluation set, a data folder of its own inside the world's."""

MARK = ".sample-world"
"""The file by which an earlier sample world is known."""

BLOCK = 4_096
"""Rows joined before they are written and reported."""


def write(folder: Path, *, experts: int = ORIGINAL.expert, seed: int = 2023, progress: Progress | None = None) -> None:
    """Write a generated world into `folder`: entities, relations, judgements, set.json and a README that says so.

    `experts` (10 to 1,000,000) scales everything; the same `experts` and `seed` always give the same bytes. An
    earlier sample world in the folder is replaced; InputError if the folder holds anything else.
    """
    counts = sizes(experts)
    _make_room(folder)
    out = _Folder(folder, progress)
    out.text("README.md", notice.readme(counts, seed))

    world = populate(seed, counts, load())
    needs, documents = texts.needs(world), texts.documents(world)
    for kind, rows in {
        "institution": parties.institutions(world),
        "enterprise": parties.enterprises(world),
        "expert": parties.experts(world),
        "fund": parties.funds(world),
        "instrument": apparatus.instruments(world),
        "need": asking.needs(world, needs),
        "publication": papers.publications(world, documents.publications),
        "patent": papers.patents(world, documents.patents),
    }.items():
        out.rows(f"entities/{kind}.jsonl", rows)

    advisers, founders = outcomes.advisers(world), outcomes.founders(world)
    out.rows("relations/posted.jsonl", edges.posted(world, needs))
    out.rows("relations/employed_by.jsonl", edges.employed(world, advisers))
    out.rows("relations/authored.jsonl", edges.authored(world, documents.publications))
    out.rows("relations/invented.jsonl", edges.invented(world, documents.patents))
    out.rows("relations/owns.jsonl", edges.owned(world, documents))
    out.rows("relations/cites.jsonl", edges.cited(world, documents))
    out.rows("relations/used.jsonl", edges.used(world, outcomes.usages(world)))
    out.rows("relations/supplies.jsonl", edges.supplied(world, outcomes.supplies(world)))

    related = Pairs(*(np.concatenate(columns) for columns in zip(advisers, founders, strict=True)))
    graded = judgements.graded_experts(world, needs, related)
    known = judgements.unjudged(outcomes.collaborations(world), graded, needs)
    out.rows("relations/collaborated.jsonl", edges.collaborated(world, known))
    out.table("judgements/dev.tsv", _judged("need", graded.need, "expert", graded.expert, graded.grade))

    _write_investments(out, world, founders)
    out.json(f"{FUND_SET}/set.json", notice.enterprise_fund_set(seed))
    out.json("set.json", notice.need_expert_set(seed))


def _write_investments(out: _Folder, world: World, founders: Pairs) -> None:
    """Investments and shareholdings, and the evaluation set of the hidden ones."""
    hidden = judgements.hidden_investments(world, outcomes.investments(world))
    out.rows("relations/invested.jsonl", edges.invested(world, hidden.known))
    out.rows(f"{FUND_SET}/relations/holds.jsonl", edges.funds_hold(world, hidden.known))
    out.rows("relations/holds.jsonl", edges.others_hold(world, founders))
    out.append(f"{FUND_SET}/relations/holds.jsonl", "relations/holds.jsonl")
    for name in ("entities/enterprise.jsonl", "entities/fund.jsonl", "relations/invested.jsonl"):
        out.copy(name, f"{FUND_SET}/{name}")
    for split, pairs in {"dev": hidden.warm, "cold": hidden.cold}.items():
        ones = np.ones(len(pairs.enterprise), np.int64)
        out.table(
            f"{FUND_SET}/judgements/{split}.tsv", _judged("enterprise", pairs.enterprise, "fund", pairs.partner, ones)
        )


def _judged(subject: str, subjects: Ints, candidate: str, candidates: Ints, grades: Ints) -> Iterator[str]:
    yield "subject\tcandidate\tgrade"
    for one, other, grade in zip(subjects.tolist(), candidates.tolist(), grades.tolist(), strict=True):
        yield f"{identifier(subject, one)}\t{identifier(candidate, other)}\t{grade}"


def _make_room(folder: Path) -> None:
    """Remove an earlier sample world; InputError if the folder holds something else."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a new or an empty folder", field="folder")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MARK).is_file():
        raise InputError(f"{folder} is not empty and no sample world; name a new or an empty folder", field="folder")
    for part in ("entities", "relations", "judgements", "sets"):
        shutil.rmtree(folder / part, ignore_errors=True)
    (folder / "set.json").unlink(missing_ok=True)


class _Folder:
    """Writes files below a folder."""

    def __init__(self, folder: Path, progress: Progress | None) -> None:
        self._folder = folder
        self._progress = progress or silent
        self.text(MARK, f"{notice.EN}\n")

    def _path(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def rows(self, name: str, rows: Iterable[Row]) -> None:
        """JSON Lines, a block at a time."""
        with self._path(name).open("wb") as file:
            block: list[bytes] = []
            written = 0
            for row in rows:
                block.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                if len(block) == BLOCK:
                    file.writelines(block)
                    written += len(block)
                    block.clear()
                    self._progress(name, written)
            file.writelines(block)
            self._progress(name, written + len(block))

    def table(self, name: str, lines: Iterable[str]) -> None:
        """A file of lines."""
        with self._path(name).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)

    def text(self, name: str, text: str) -> None:
        """A text file."""
        self._path(name).write_text(text, encoding="utf-8", newline="\n")

    def json(self, name: str, document: dict[str, Any]) -> None:
        """An indented JSON document."""
        self._path(name).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def copy(self, name: str, to: str) -> None:
        """A second copy of a file."""
        shutil.copyfile(self._path(name), self._path(to))

    def append(self, name: str, to: str) -> None:
        """The bytes of one file at the end of another."""
        with self._path(name).open("rb") as source, self._path(to).open("ab") as target:
            shutil.copyfileobj(source, target)
