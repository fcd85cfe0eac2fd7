"""Take the screenshots of the page that docs/page.md shows: light, dark, and a phone.

    python docs/photograph_page.py docs

Needs the extra ``serve``, Playwright and Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from tests.helpers.browsing import DRAWN, draw_by_finger, hand_over  # noqa: E402
from tests.helpers.serving import served  # noqa: E402

MODELS = ("mnist-alexnet-lcnn-fast", "sign-digits-resnet10-lcnn-pruned")
SIGN = ROOT / "tests/data/signs/5_IMG_1194.jpg"
DESK = {"viewport": {"width": 1180, "height": 1420}, "device_scale_factor": 1.25, "has_touch": True}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


def main(folder: Path) -> None:
    """Write page-light.webp, page-dark.webp and page-phone.webp into ``folder``."""
    files = [ROOT / f"weights/{name}.safetensors" for name in MODELS]
    with served(*files, "--threads", 1) as server, sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])

        def opened(**options: Any) -> Any:
            page = browser.new_context(reduced_motion="reduce", **options).new_page()
            page.goto(f"http://127.0.0.1:{server.port}")
            page.locator("#model option").first.wait_for(state="attached")
            return page

        light = opened(color_scheme="light", **DESK)
        draw_by_finger(light, DRAWN["3"])  # whose corners the page rounds
        save(light, folder / "page-light.webp")

        dark = opened(color_scheme="dark", **DESK)
        dark.locator("#model").select_option(MODELS[1])
        hand_over(dark, "drop", SIGN.name, SIGN.read_bytes(), "image/jpeg")
        save(dark, folder / "page-dark.webp")

        phone = opened(color_scheme="light", **PHONE)
        draw_by_finger(phone, DRAWN["5"])
        save(phone, folder / "page-phone.webp")
        browser.close()


def save(page: Any, path: Path) -> None:
    """Write what the window shows, a while after the last stroke."""
    page.wait_for_timeout(1500)
    page.evaluate("document.activeElement.blur()")
    Image.open(io.BytesIO(page.screenshot())).save(path, quality=84, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
