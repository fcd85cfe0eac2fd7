"""A server of two models with the page, and a headless Chromium; tests skip where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lcnn_engine import Net
from tests.helpers.serving import served

WEIGHTS = Path(__file__).parents[4] / "weights"
DATA = Path(__file__).parents[3] / "data"
DIGITS, SIGNS = "mnist-alexnet-lcnn-fast", "sign-digits-resnet10-lcnn-pruned"
FILES = tuple(WEIGHTS / f"{name}.safetensors" for name in (DIGITS, SIGNS))
PACKAGES = ("starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--use-fake-device-for-media-stream")


@pytest.fixture(scope="session")
def models() -> dict[str, Net]:
    """The digits, grey, and the signs, colours."""
    return {path.stem: Net.load(path, threads=1) for path in FILES}


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """Serve the two models by ``lcnn serve``, with more options, and give its address, until a block ends."""
    for package in PACKAGES:
        pytest.importorskip(package, reason='needs the extra serve: pip install "lcnn[serve]"')

    @contextmanager
    def serve(*options: object) -> Iterator[str]:
        with served(*FILES, "--quiet", "--threads", 1, *options) as server:
            yield f"http://127.0.0.1:{server.port}"

    return serve


@pytest.fixture(scope="session")
def address(serving: Callable[..., Any]) -> Iterator[str]:
    """Where they are served."""
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium, with a camera that shows a moving pattern."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("needs Chromium: apt install chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a window of its own, and hold the page to its promises: it asks nobody but this server, and
    breaks neither its policy nor anything else."""
    windows, faults = [], []

    def open_page(address: str, *, broken: bool = False, **options: Any) -> Any:
        options.setdefault("reduced_motion", "reduce")
        window = browser.new_context(**options)
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(15_000)
        page.on(
            "request", lambda request: request.url.startswith((address, "blob:", "data:")) or faults.append(request.url)
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        if not broken:  # what a server refuses is in the console, too
            page.on("console", lambda line: line.type == "error" and faults.append(line.text))
        page.goto(address)
        page.locator("#model option").first.wait_for(state="attached")
        return page

    yield open_page
    for window in windows:
        window.close()
    assert not faults


@pytest.fixture
def page(opened: Callable[..., Any], address: str) -> Any:
    """The page, on a screen of a desk, with the digits as the model."""
    return opened(address, viewport={"width": 1280, "height": 900})
