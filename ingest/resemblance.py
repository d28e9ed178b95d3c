"""How likely records without a common identifier are the same thing: Fellegi–Sunter with Splink on DuckDB.

The weights are declared here and the frequencies counted from the data, so that the same store always gives the same
probabilities; nothing is trained.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from graph.errors import InputError, QianxianError, UnknownNameError
from graph.store import GraphStore

KINDS = ("enterprise", "institution", "expert")
"""Kinds that can be compared."""
_LEGAL = re.compile(r"(股份有限公司|有限责任公司|有限公司|公司|集团|co ltd|ltd|inc|llc|corp|limited|company)$")
_NOT_WORD = re.compile(r"[\W_]+")
_NAME_CLOSE = (0.95, 0.88)
"""Jaro–Winkler similarities that count as close and as akin."""
_NAME_M = (0.90, 0.06, 0.03, 0.01)
"""Among records of one thing: names equal, close, akin, other."""
_NAME_U = (0.0005, 0.005)
"""Among others: names close, akin; equal ones are counted."""
_SAME_M = 0.95
"""Among records of one thing: the region (or employer) is the same."""
_LEAST_U = 1e-6
EXPECTED = 2.0
"""Prior: of n records, any two are one thing with probability EXPECTED / n, which is one other record for each."""


class _Record(NamedTuple):
    unique_id: str
    name: str
    region: str | None
    place: str | None


def scored(store: GraphStore, kind: str, least: float) -> list[tuple[str, str, float]]:
    """(id, id, probability) of the pairs of a kind from `least` up, sorted.

    Raises UnknownNameError for a kind that cannot be compared, QianxianError where Splink is not installed.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind to compare by name", kind, KINDS, field="kind")
    try:
        import duckdb
        import splink
    except ImportError as error:
        raise QianxianError(
            f"probabilistic duplicates need the extra `dedupe`: pip install 'qianxian[dedupe]' ({error})",
            field="method",
        ) from None
    records = sorted(_records(store, kind))
    if len(records) < 2:
        return []
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("CREATE TABLE record (unique_id VARCHAR, name VARCHAR, region VARCHAR, place VARCHAR)")
        columns = [list(column) for column in zip(*records, strict=True)]
        connection.execute("INSERT INTO record SELECT unnest(?), unnest(?), unnest(?), unnest(?)", columns)
        names = Counter(record.name for record in records)
        # Another record of the same name is met among all but itself; a lone name counts as half met.
        met = [max(count - 1, 0.5) / len(records) for count in names.values()]
        connection.execute("CREATE TABLE met AS SELECT unnest(?) AS name, unnest(?) AS tf_name", [list(names), met])
        from splink.backends.duckdb import DuckDBAPI

        try:
            database = DuckDBAPI(connection=connection)
            linker = splink.Linker(database.register("record"), _settings(records), log_level=None)
            linker.table_management.register_term_frequency_lookup(database.register("met"), "name")
            found = linker.inference.predict(threshold_match_probability=least).as_record_list()
        except duckdb.Error as error:
            raise InputError(f"records of {kind} cannot be compared: {error}", field="kind") from None
    return sorted((row["unique_id_l"], row["unique_id_r"], round(row["match_probability"], 6)) for row in found)


def _settings(records: list[_Record]) -> Any:
    import splink.comparison_library as comparisons
    from splink import SettingsCreator, block_on

    equal = _coincidence(record.name for record in records)
    close, akin = _NAME_U
    name = comparisons.JaroWinklerAtThresholds("name", list(_NAME_CLOSE)).configure(
        term_frequency_adjustments=True,
        m_probabilities=list(_NAME_M),
        u_probabilities=[equal, close, akin, max(1 - equal - close - akin, _LEAST_U)],
    )
    compared: list[Any] = [name]
    for field in ("region", "place"):
        given = [value for record in records if (value := getattr(record, field)) is not None]
        if given:
            same = min(_coincidence(given), 0.9)
            exact = comparisons.ExactMatch(field)
            compared.append(exact.configure(m_probabilities=[_SAME_M, 1 - _SAME_M], u_probabilities=[same, 1 - same]))
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=compared,
        blocking_rules_to_generate_predictions=[block_on("name"), block_on("region", "substr(name, 1, 3)")],
        probability_two_random_records_match=min(EXPECTED / len(records), 0.5),
    )


def _coincidence(values: Iterable[str]) -> float:
    """The probability that two values drawn at random are the same."""
    counts = Counter(values)
    total = sum(counts.values())
    return max(sum((count / total) ** 2 for count in counts.values()), _LEAST_U)


def _records(store: GraphStore, kind: str) -> Iterator[_Record]:
    place: dict[str, str] = {}
    region: dict[str, str] = {}
    if kind == "expert":
        regions = {entity.id: entity.values.get("region") for entity in store.entities("institution")}
        for edge in store.relations("employed_by"):
            if edge.target < place.get(edge.source, "\U0010ffff"):
                place[edge.source] = edge.target
                region[edge.source] = regions.get(edge.target) or ""
    for entity in store.entities(kind):
        if name := core(str(entity.values.get("name", ""))):
            own = entity.values.get("region") or next(iter(entity.values.get("regions", ())), "")
            where = region.get(entity.id) or str(own)
            yield _Record(entity.id, name, where or None, place.get(entity.id))


def core(name: str) -> str:
    """A name without case, width, punctuation and legal form."""
    text = _NOT_WORD.sub(" ", unicodedata.normalize("NFKC", name).lower()).strip()
    return _LEGAL.sub("", text).strip() or text
