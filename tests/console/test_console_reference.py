"""The reference page in a real browser: nothing from outside, nothing wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from api.access import ACCESS
from tests.api.running import Running, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        reason = "no Chromium on this machine (Debian: chromium)"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("console") / "home") as service:
        yield service


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("script", [True, False])
def test_the_page_stays_at_home_and_complains_of_nothing(
    browser: Browser, service: Running, tmp_path: Path, width: int, scheme: Literal["light", "dark"], script: bool
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        java_script_enabled=script,
    )
    page = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("response", lambda r: complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{service.url}/", wait_until="networkidle")
    assert page.url == f"{service.url}/reference"
    assert "牵线" in page.title()
    assert requests
    assert [url for url in requests if not url.startswith(f"{service.url}/")] == []
    assert complaints == []
    assert page.locator("article").count() == len(
        [1 for _, path in ACCESS if path.startswith(("/v1", "/health", "/ready", "/metrics"))]
    )
    page.screenshot(path=tmp_path / "reference.png", full_page=True)
    page.locator("nav a", has_text="Problems").click()
    assert page.locator("#problem-not-found").is_visible()
    context.close()


@pytest.mark.parametrize("width", [320, 390, 641, 961])
def test_nothing_is_wider_than_the_window(browser: Browser, service: Running, width: int) -> None:
    """However narrow, and with everything opened: only code scrolls, within its own box."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(f"{service.url}/reference", wait_until="networkidle")
    for _ in ("as it comes", "all opened"):
        assert page.evaluate("document.documentElement.scrollWidth") == width
        cut = "[...document.querySelectorAll('td, p, h2, h3, summary')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        assert page.evaluate(f"{cut}.filter(e => e.clientWidth).map(e => e.outerHTML.slice(0, 200))") == []
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    context.close()
