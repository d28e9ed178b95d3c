"""Shared fixtures, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def judged_data() -> Path:
    """The folder of real judged data; skips by name where QIANXIAN_DATA names none."""
    folder = os.environ.get("QIANXIAN_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("QIANXIAN_DATA names no folder of judged data")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI a skip is a failure: there every server, browser and data set must be there."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report  # type: ignore[return-value]
