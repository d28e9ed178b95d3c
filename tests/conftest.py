"""Shared fixtures, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from tests.api.asking import Api

IN_CI = os.environ.get("CI") == "true"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure() -> None:
    """A run that is told to end gives back what it started: servers live in sessions of their own."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def judged_data() -> Path:
    """The folder of real judged data; skips by name where QIANXIAN_DATA names none."""
    folder = os.environ.get("QIANXIAN_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("QIANXIAN_DATA names no folder of judged data")
    return Path(folder)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a small generated world; not to be changed."""
    from ingest.sample.world import write

    folder = tmp_path_factory.mktemp("sample") / "world"
    write(folder, experts=150, seed=7)
    return folder


@pytest.fixture(scope="session")
def office(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an installation with that world, built; not to be changed."""
    from api.bootstrap import build
    from api.installation import make_home
    from api.settings import load
    from graph.store import open_store
    from ingest.load import ingest

    home = tmp_path_factory.mktemp("office") / "home"
    settings = load(home=home)
    make_home(home)
    with open_store(settings.store_url) as store:
        ingest(store, [sample])
    build(settings)
    return home


@pytest.fixture(scope="module")
def office_api(office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service on a copy of that installation, with a real matcher and no keys or feedback of others."""
    from api.app import create_app
    from api.bootstrap import open_service
    from api.settings import Settings
    from tests.api.asking import Api

    home = tmp_path_factory.mktemp("office-api") / "home"
    shutil.copytree(office, home, ignore=shutil.ignore_patterns("casework.db*"))
    service = open_service(Settings(home=home))
    assert service.take_up()
    yield Api(create_app(service), service)
    service.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: there every server, browser and data set must be there."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for modules that skip themselves."""
    return _judged((yield))


def _judged(report: Report) -> Report:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
