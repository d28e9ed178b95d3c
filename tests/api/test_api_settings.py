"""Settings: documented, checked, silent about secrets."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from api.casework.database import Casework
from api.installation import epoch_of, open_casework, secret_of, warn_if_open
from api.settings import PREFIX, Settings, load
from graph.errors import InputError, StoreError
from graph.store import file_of, open_store
from matching.question import LIMIT, TEXT_LIMIT

ROOT = Path(__file__).parents[2]


def test_the_page_lists_exactly_the_settings() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert listed == [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_is_read_and_the_caller_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QIANXIAN_PORT", "9000")
    monkeypatch.setenv("QIANXIAN_HOME", str(tmp_path))
    assert load().port == 9000
    assert load(port=1, host=None).port == 1
    assert load().store_url == f"sqlite:///{tmp_path / 'graph.db'}"


@pytest.mark.parametrize(("name", "value"), [("port", "70000"), ("k", "1"), ("log_level", "loud"), ("secret", "abc")])
def test_a_bad_setting_is_named_and_its_value_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"QIANXIAN_{name.upper()}", value)
    with pytest.raises(InputError, match=f"QIANXIAN_{name.upper()}") as caught:
        load()
    assert caught.value.field == name
    assert name != "secret" or value not in str(caught.value)


@pytest.mark.parametrize(("name", "most"), [("match_limit", LIMIT), ("text_limit", TEXT_LIMIT)])
def test_a_setting_cannot_allow_more_than_is_answered(name: str, most: int) -> None:
    load(**{name: most})
    with pytest.raises(InputError, match=f"QIANXIAN_{name.upper()}"):
        load(**{name: most + 1})


def test_addresses_and_secret_do_not_show_in_the_representation() -> None:
    shown = repr(Settings(store="postgresql://me:pass@host/db", secret=SecretStr("ab" * 32)))
    assert "pass" not in shown
    assert "abab" not in shown


def test_the_secret_is_made_once_and_closed_to_others(settings: Settings) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(secret_of(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file = settings.home / "secret.key"
    assert len(found) == 8
    assert set(found) == {file.read_bytes()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["secret.key"]


def test_a_secret_that_others_may_read_is_refused(settings: Settings) -> None:
    secret_of(settings)
    (settings.home / "secret.key").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        secret_of(settings)


def test_a_truncated_secret_is_refused(settings: Settings) -> None:
    secret_of(settings)
    (settings.home / "secret.key").write_bytes(b"short")
    with pytest.raises(InputError, match="5 bytes"):
        secret_of(settings)


def test_an_epoch_lasts_its_days(settings: Settings) -> None:
    day, start = 86_400, 600 * 86_400
    assert epoch_of(settings, start) == epoch_of(settings, start + 30 * day - 1)
    assert epoch_of(settings, start) != epoch_of(settings, start + 30 * day)


@pytest.mark.parametrize("name", ["a?b", "pct%41", "%00", "a#b@c:d", "家 home"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    settings = load(home=tmp_path / name)
    open_casework(settings).close()
    open_store(settings.store_url).close()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert {file.name for file in settings.home.iterdir()} >= {"graph.db", "casework.db"}
    assert file_of(settings.store_url) == settings.home / "graph.db"


@pytest.mark.parametrize("name", ["a\0b", "a\udcffb"])
def test_a_home_that_no_database_can_be_in_is_refused(name: str) -> None:
    for address in ("store_url", "casework_url"):
        with pytest.raises(InputError, match="no database can be at"):
            getattr(load(home=name), address)


@pytest.mark.parametrize("address", ["sqlite:////nowhere/a%00b", "postgresql://u:secret-word@[::1/x"])
def test_a_bad_casework_address_is_told_without_its_password(address: str) -> None:
    with pytest.raises(StoreError, match="casework address") as caught:
        Casework(address)
    assert "secret-word" not in f"{caught.value} {caught.value.__cause__}"


def test_a_home_that_others_can_look_into_is_warned_of(tmp_path: Path) -> None:
    with capture_logs() as logged:
        warn_if_open(tmp_path)
        assert logged == []
        tmp_path.chmod(0o755)
        warn_if_open(tmp_path)
    assert [entry["event"] for entry in logged] == ["home_open_to_others"] and "chmod 700" in logged[0]["reason"]
