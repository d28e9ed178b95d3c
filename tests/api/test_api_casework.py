"""Keys, the audit log and remembered answers, on a real database."""

from __future__ import annotations

import random
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError, ProgrammingError

from api.casework import (
    Casework,
    batches,
    database,
    feedback as feedback_module,
    impressions as impressions_module,
    keys,
)
from api.casework.audit import AuditLog, Notes
from api.casework.feedback import DAY, MOST_CHANGES, Dismissals, Entry, FeedbackLog, TooManyChangesError, reactions
from api.casework.impressions import LIFETIME, REPEATED, Impressions, Inquiry
from api.casework.replies import ABANDONED, Replies
from api.casework.tables import AUDIT, KEYS, METADATA, NEWEST
from graph.errors import (
    DiskFullError,
    InputError,
    NotFoundError,
    ReadOnlyError,
    StoreError,
    StoreUnavailableError,
    UnknownNameError,
)
from graph.store.tables import BUSY_SECONDS
from matching.feedback.learning import Event, Reason, settled
from matching.question import Shown


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'casework.db'}"
    server: str = request.getfixturevalue("postgres")
    name = f"casework{uuid.uuid4().hex}"
    engine = sa.create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{server.rpartition('/')[0]}/{name}"


@pytest.fixture
def casework(new_url: str) -> Iterator[Casework]:
    casework = Casework(new_url)
    casework.migrate()
    yield casework
    casework.close()


def test_the_migrations_lead_to_the_declared_tables(casework: Casework) -> None:
    casework.migrate()
    with casework.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_programs_that_migrate_at_once_take_turns(new_url: str) -> None:
    opened = [Casework(new_url) for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(casework.migrate) for casework in opened]:
            done.result()
    assert keys.list_keys(opened[0]) == []
    for casework in opened:
        casework.close()


def test_an_installation_path_may_hold_a_percent_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(database.MIGRATIONS, tmp_path / "100%" / "migrations")
    monkeypatch.setattr(database, "MIGRATIONS", tmp_path / "100%" / "migrations")
    casework = Casework(f"sqlite:///{tmp_path / 'casework.db'}")
    casework.migrate()
    casework.close()


def test_the_newest_migration_is_named_rightly() -> None:
    folder = Path(database.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == NEWEST


def test_a_newer_schema_is_refused(casework: Casework) -> None:
    with casework.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="another version"):
        casework.migrate()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "oracle://u:secret@h/d"])
def test_a_wrong_address_lists_the_valid_ones_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match="postgresql://") as caught:
        Casework(url)
    assert "secret" not in str(caught.value)


def test_postgresql_without_its_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="extra `postgres`"):
        Casework("postgresql://me:secret@host/database")


def test_a_connection_that_is_refused_is_not_to_be_tried_again(postgres: str) -> None:
    casework = Casework(f"{postgres.rpartition('/')[0]}/no_such_database")
    with pytest.raises(StoreError, match="user, password and name") as caught:
        keys.list_keys(casework)
    assert not isinstance(caught.value, StoreUnavailableError)
    casework.close()


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "casework.db").write_bytes(b"no database at all, only text" * 100)
    casework = Casework(f"sqlite:///{tmp_path / 'casework.db'}")
    with pytest.raises(StoreError):
        casework.migrate()
    casework.close()


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    casework = Casework(f"sqlite:///{tmp_path / 'no' / 'folder' / 'casework.db'}")
    with pytest.raises(StoreUnavailableError):
        keys.list_keys(casework)
    casework.close()


@pytest.mark.parametrize(
    ("setting", "error", "reason"),
    [("max_page_count=1", DiskFullError, "disk is full"), ("query_only=1", ReadOnlyError, "read-only")],
)
def test_why_nothing_can_be_written_is_told(tmp_path: Path, setting: str, error: type[StoreError], reason: str) -> None:
    casework = Casework(f"sqlite:///{tmp_path / 'casework.db'}")
    casework.migrate()
    casework.close()
    sa.event.listen(casework.engine, "connect", lambda opened, _record: opened.execute(f"PRAGMA {setting}").close())
    with pytest.raises(error, match=f"casework database cannot be written: .*{reason}"):
        for _ in range(100):
            keys.issue(casework, role="outsider", label="x" * 100)
    assert isinstance(keys.list_keys(casework), list)
    casework.close()


def test_a_token_is_recognised_and_only_its_hash_is_kept(casework: Casework) -> None:
    token, key = keys.issue(casework, role="broker", parties=["enterprise:a:b", "need:n1"], label="Li")
    ring = keys.KeyRing(casework, ttl=2)
    assert ring.remembered(token) is None
    assert ring.look_up(token) == key
    assert ring.remembered(token) == key
    assert key.viewer.parties == (("enterprise", "a:b"), ("need", "n1"))
    with casework.reading() as connection:
        stored = repr(connection.execute(sa.select(KEYS)).all())
    assert token not in stored
    assert token.split("_", 2)[2] not in stored
    assert token not in repr(key)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"), lambda t: ""])
def test_a_spoilt_token_is_not_recognised(casework: Casework, spoil: object) -> None:
    token, _ = keys.issue(casework, role="outsider")
    ring = keys.KeyRing(casework, ttl=60)
    assert ring.look_up(token)
    spoilt = spoil(token)  # type: ignore[operator]
    assert ring.remembered(spoilt) is None
    assert ring.look_up(spoilt) is None


def test_revocation_acts_within_the_ttl(casework: Casework) -> None:
    token, key = keys.issue(casework, role="outsider")
    ring = keys.KeyRing(casework, ttl=0.05)
    assert ring.look_up(token)
    revoked = keys.revoke(casework, key.id)
    assert revoked.revoked is not None
    time.sleep(0.06)
    assert ring.remembered(token) is None
    assert ring.look_up(token) is None
    assert keys.revoke(casework, key.id).revoked == revoked.revoked
    with pytest.raises(NotFoundError):
        keys.revoke(casework, "unknown")


def test_an_expired_key_stops_at_once_though_remembered(casework: Casework, monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = keys.issue(casework, role="outsider", valid_for=timedelta(hours=1))
    ring = keys.KeyRing(casework, ttl=60)
    assert ring.look_up(token)
    assert key.expires is not None
    expiry = float(key.expires)
    monkeypatch.setattr("api.casework.keys.time.time", lambda: expiry)
    assert ring.remembered(token) is None


def test_the_memory_of_a_ring_is_bounded(casework: Casework, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "REMEMBERED", 3)
    ring = keys.KeyRing(casework, ttl=60)
    tokens = [keys.issue(casework, role="outsider")[0] for _ in range(5)]
    assert all(ring.look_up(token) for token in tokens)
    assert [ring.remembered(token) is not None for token in tokens] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"role": "king"}, UnknownNameError, "broker, enterprise"),
        ({"role": "broker", "scopes": ["write"]}, UnknownNameError, "valid: match"),
        ({"role": "operator", "scopes": ["all"]}, UnknownNameError, "match, read, write"),
        ({"role": "operator", "scopes": []}, InputError, "no scope"),
        ({"role": "enterprise", "parties": ["*"]}, InputError, "broker and operator"),
        ({"role": "broker", "parties": ["*", "need:n1"]}, InputError, "stands alone"),
        ({"role": "broker", "parties": ["n1"]}, InputError, "KIND:ID"),
        ({"role": "outsider", "parties": ["need:n1"]}, InputError, "stands for nobody"),
        ({"role": "outsider", "valid_for": timedelta(0)}, InputError, "past"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    casework: Casework, options: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says.replace("*", r"\*")):
        keys.issue(casework, **options)  # type: ignore[arg-type]
    assert keys.list_keys(casework) == []


def test_writers_of_the_audit_log_take_turns(casework: Casework) -> None:
    log = AuditLog(casework, b"s" * 32)

    def work() -> None:
        for number in range(10):
            log.append("key", "look", f"need:{number}")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.verify() == 40
    with pytest.raises(StoreError, match="entry 1"):
        AuditLog(casework, b"t" * 32).verify()


def test_the_audit_log_refuses_changes_and_shows_forced_ones(casework: Casework) -> None:
    log = AuditLog(casework, b"s" * 32)
    for number in range(5):
        log.append("key", "look", f"need:{number}")
    for statement in (AUDIT.update().values(actor="x"), AUDIT.delete()):
        with pytest.raises((IntegrityError, ProgrammingError)), casework.writing() as connection:
            connection.execute(statement)
    assert log.verify() == 5
    postgres = casework.engine.dialect.name == "postgresql"
    with casework.writing() as connection:
        connection.execute(sa.text(f"DROP TRIGGER {'audit_append_only ON audit' if postgres else 'audit_no_delete'}"))
        connection.execute(AUDIT.delete().where(AUDIT.c.seq == 3))
    with pytest.raises(StoreError, match="entry 3"):
        log.verify()


def test_noted_entries_are_written_in_their_order(casework: Casework) -> None:
    log = AuditLog(casework, b"s" * 32)
    notes = Notes(log)
    for number in range(300):
        notes.note("key", "match", f"need-expert:{number}")
    notes.close()
    with casework.reading() as connection:
        objects = connection.execute(sa.select(AUDIT.c.object).order_by(AUDIT.c.seq)).scalars().all()
    assert objects == [f"need-expert:{number}" for number in range(300)]
    assert log.verify() == 300


def test_while_the_log_cannot_be_written_entries_wait_and_then_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 3)
    monkeypatch.setattr(batches, "PAUSE", 0.01)
    folder = tmp_path / "later"
    casework = Casework(f"sqlite:///{folder / 'casework.db'}")
    notes = Notes(AuditLog(casework, b"s" * 32))
    for number in range(3):
        notes.note("key", "match", f"need-expert:{number}")
    with pytest.raises(StoreUnavailableError):
        notes.note("key", "match", "need-expert:3")
    time.sleep(0.05)
    folder.mkdir()
    casework.migrate()
    notes.close()
    assert AuditLog(casework, b"s" * 32).verify() == 3
    casework.close()


def test_impressions_and_feedback_are_read_as_they_were_written(casework: Casework) -> None:
    impressions, log = Impressions(casework), FeedbackLog(casework)
    mine, other = (Inquiry("e1", key, "need-expert", "need:n1") for key in ("mine", "other"))
    for inquiry in (mine, mine, other):
        impressions.note(inquiry, Shown(1, ("a", "b"), (1.5, 0.25), (1,)))
    impressions.note(mine, Shown(1, ("b", "a"), (1.5, 0.25), (1,)))
    impressions.note(mine, Shown(21, ("c",), (0.0,), ()))
    impressions.note(mine, Shown(1, (), (), ()))
    impressions.close()
    assert impressions.candidates(mine) == ["c", "b", "a"] and impressions.candidates(other) == ["a", "b"]
    assert impressions.candidates(mine._replace(epoch="e2")) == []
    assert impressions.counts("need-expert", "e1") == {"a": 2, "b": 2, "c": 1}, "asking again counts once"
    assert len(list(impressions.of_epoch("need-expert", "e1"))) == 4, "the same answer within the hour is one"

    dismissals = Dismissals(log)
    assert log.record([Entry(mine, "a", Event.DISMISS, Reason.OTHER), Entry(mine, "b", Event.OPEN)]) == 2
    dismissals.look("e1")
    assert dismissals.of(mine) == {"a"} and dismissals.of(other) == frozenset()
    assert log.record([Entry(mine, "a", Event.RESTORE)] * 2) == 1
    dismissals.look("e1")
    assert dismissals.of(mine) == frozenset()
    assert (
        log.record([Entry(mine, "b", Event.DISMISS, Reason.OTHER), Entry(mine, "b", Event.DECLINE, Reason.OTHER)]) == 2
    )
    dismissals.look("e1")
    assert dismissals.of(mine) == {"b"}, "who declines does not want it back"
    assert log.record([Entry(mine, "b", Event.RESTORE)]) == 1 and log.record([Entry(mine, "a", Event.RESTORE)]) == 0
    dismissals.look("e1")
    assert dismissals.of(mine) == frozenset()
    newest, *rest = log.page("mine", None, 10)
    assert (newest.event, newest.told()["subject"]) == (Event.RESTORE, "n1")
    assert log.page("mine", newest.number, 10) == rest and log.page("other", None, 10) == []
    seen = Shown(1, ("a", "b"), (1.5, 0.25), (1,))
    answered = [shown for key, _, shown in impressions.answered("need-expert") if key == "mine"]
    assert answered == [seen, Shown(1, ("b", "a"), (1.5, 0.25), (1,)), Shown(21, ("c",), (0.0,), ())]
    impressions.forget(time.time() + LIFETIME + 60)
    assert list(log.entries()) == [] and impressions.candidates(mine) == []


def test_an_answer_repeated_later_is_stored_again(casework: Casework, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impressions_module, "MOST_LATEST", 2)
    impressions, now, shown = Impressions(casework), time.time(), Shown(1, ("a",), (0.5,), ())
    mine = Inquiry("e1", "mine", "need-expert", "need:n1")

    def stored() -> int:
        impressions.flush()
        return len(list(impressions.of_epoch("need-expert", "e1")))

    for later, rows in ((0, 1), (REPEATED - 1, 1), (REPEATED, 2), (REPEATED + 1, 2)):
        monkeypatch.setattr("api.casework.impressions.time.time", lambda later=later: now + later)
        impressions.note(mine, shown)
        assert stored() == rows
    for first in (2, 3):  # as many as are known
        impressions.note(mine, Shown(first, ("a",), (0.5,), ()))
    impressions.note(mine, shown)
    assert stored() == 5
    impressions.close()


EVENTS = [Entry(Inquiry("e1", "k", "need-expert", "need:n1"), "a", event, reason) for event, reason in (
    (Event.OPEN, None), (Event.SAVE, None), (Event.ACCEPT, None), (Event.RESTORE, None),
    (Event.DISMISS, Reason.OTHER), (Event.DECLINE, Reason.OTHER), (Event.DECLINE, Reason.TOO_FAR),
)]  # fmt: skip


def _state(log: FeedbackLog, inquiry: Inquiry) -> tuple[object, ...]:
    dismissals = Dismissals(log)
    dismissals.look(inquiry.epoch)
    mine = [entry for entry in log.entries() if entry.inquiry == inquiry]
    opened = any(entry.event is Event.OPEN for entry in mine)
    return dismissals.of(inquiry), settled(reactions(iter(mine), {})), opened


def test_a_list_leaves_a_pair_where_its_events_one_by_one_do(
    casework: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback_module, "MOST_CHANGES", 10_000)
    log, rng = FeedbackLog(casework), random.Random(11)
    for number in range(120):
        alone, listed = (Inquiry("e1", key, "need-expert", f"need:{number}") for key in ("alone", "listed"))
        for _ in range(3):
            drawn = [rng.choice(EVENTS) for _ in range(rng.randrange(1, 7))]
            changed = sum(log.record([replace(entry, inquiry=alone)]) for entry in drawn)
            assert log.record([replace(entry, inquiry=listed) for entry in drawn]) <= min(changed, 3)
            (gone, standing, opened), (also_gone, also_standing, also_opened) = _state(log, alone), _state(log, listed)
            assert (also_gone, also_standing, also_opened) == (gone, standing, opened), drawn


def test_a_long_list_is_few_statements_and_a_pair_changes_twenty_times_a_day(
    casework: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, inquiry, now = FeedbackLog(casework), Inquiry("e1", "k", "need-expert", "need:n1"), int(time.time())
    statements: list[str] = []
    sa.event.listen(casework.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    save, accept = (Entry(inquiry, "a", event) for event in (Event.SAVE, Event.ACCEPT))
    assert log.record([save, accept] * 500) == 1
    assert log.record([save, accept] * 500) == 0, "what goes back and forth is no change"
    assert len(statements) <= 6
    monkeypatch.setattr("api.casework.feedback.time.time", lambda: now + 60)
    for number in range(MOST_CHANGES - 1):
        assert log.record([(save, accept)[number % 2]]) == 1
    other = Entry(inquiry, "b", Event.SAVE)
    with pytest.raises(TooManyChangesError, match="20 times within a day") as caught:
        log.record([other, Entry(inquiry, "a", Event.DEAL)])
    assert caught.value.number == 1 and DAY - 70 < caught.value.wait <= DAY - 50
    assert log.record([save]) == 0 and log.record([other]) == 1
    monkeypatch.setattr("api.casework.feedback.time.time", lambda: now + caught.value.wait + 61)
    assert log.record([Entry(inquiry, "a", Event.DEAL)]) == 1


def test_a_write_runs_once_per_token(casework: Casework) -> None:
    replies = Replies(casework)
    assert replies.begin("k", "t", b"1" * 32) is None
    running = replies.begin("k", "t", b"1" * 32)
    assert running is not None
    assert running.status is None
    replies.finish("k", "t", 200, b"done")
    again = replies.begin("k", "t", b"1" * 32)
    assert again is not None
    assert (again.status, again.body, again.same) == (200, b"done", True)
    other = replies.begin("k", "t", b"2" * 32)
    assert other is not None
    assert not other.same
    assert replies.begin("other key", "t", b"2" * 32) is None
    replies.forget("other key", "t")
    assert replies.begin("other key", "t", b"3" * 32) is None


def test_only_one_of_many_simultaneous_repetitions_runs(casework: Casework) -> None:
    replies = Replies(casework)
    first: list[bool] = []
    threads = [
        threading.Thread(target=lambda: first.append(replies.begin("k", "t", b"1" * 32) is None)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(first) == [False] * 7 + [True]


def test_a_crashed_write_may_be_repeated_and_old_answers_go(
    casework: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies, now = Replies(casework), time.time()
    assert replies.begin("k", "crashed", b"1" * 32) is None
    assert replies.begin("k", "done", b"1" * 32) is None
    replies.finish("k", "done", 200, b"")
    monkeypatch.setattr("api.casework.replies.time.time", lambda: now + 2 * BUSY_SECONDS)
    assert replies.begin("k", "crashed", b"1" * 32) is not None, "it may still wait for the writer before it"
    monkeypatch.setattr("api.casework.replies.time.time", lambda: now + ABANDONED + 1)
    assert replies.begin("k", "crashed", b"1" * 32) is None
    assert replies.begin("k", "done", b"1" * 32) is not None
    monkeypatch.setattr("api.casework.replies.time.time", lambda: now + 25 * 3600)
    assert replies.begin("k", "done", b"1" * 32) is None
