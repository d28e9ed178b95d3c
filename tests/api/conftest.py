"""An app on a store of its own, and keys for every role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from api.app import create_app
from api.bootstrap import Service, open_service
from api.settings import Settings
from matching.matcher import Matcher
from tests.api.asking import Api, DoubleMatcher
from tools.servers import Unavailable, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server of this run."""
    try:
        with postgres_server() as url:
            yield url
    except Unavailable as reason:
        pytest.skip(f"PostgreSQL: {reason}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = open_service(settings)
    yield service
    service.close()


@pytest.fixture
def matcher() -> DoubleMatcher:
    return DoubleMatcher()


@pytest.fixture
def api(service: Service, matcher: DoubleMatcher) -> Api:
    service.matcher = cast(Matcher, matcher)
    return Api(create_app(service), service)


@pytest.fixture
def operator(api: Api) -> str:
    return api.key("operator")


@pytest.fixture
def broker(api: Api) -> str:
    return api.key("broker", parties=["*"])
