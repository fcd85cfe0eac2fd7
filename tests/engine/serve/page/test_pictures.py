"""Pictures: dropped, pasted, chosen, from the camera; and what is said where one cannot be read."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import Net
from tests.helpers.browsing import DRAWN, draw, hand_over

from .conftest import DATA, DIGITS, SIGNS
from .test_drawing import answer

SEVEN = DATA / "digits" / "0015_label7.png"
SIGN = DATA / "signs" / "3_IMG_1172.jpg"


def problem(page: Any) -> str:
    """Wait for a problem, and give its words."""
    page.locator("#problem").wait_for()
    return page.locator("#problem").inner_text()


class TestFiles:
    @pytest.mark.parametrize("event", ["drop", "paste"])
    def test_handed_over(self, page: Any, event: str):
        hand_over(page, event, SEVEN.name, SEVEN.read_bytes())
        answer(page, "7")
        assert page.locator("#tab-picture").get_attribute("aria-selected") == "true"
        assert page.locator("#picture").is_visible()
        assert page.locator("#dropping").is_hidden()
        assert SEVEN.name in page.locator("#picture-name").inner_text()

    def test_chosen_twice(self, page: Any):
        page.locator("#tab-picture").click()
        for _ in range(2):
            page.locator("#file").set_input_files(SEVEN)
            answer(page, "7")

    def test_chosen_by_keys_alone(self, page: Any):
        page.locator("#tab-draw").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "file"
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(SEVEN)
        answer(page, "7")

    def test_what_the_browser_cannot_show_is_read_all_the_same(self, page: Any):
        stream = io.BytesIO()
        Image.open(SEVEN).save(stream, "TIFF")
        hand_over(page, "drop", "seven.tiff", stream.getvalue(), "image/tiff")
        answer(page, "7")
        assert page.locator("#picture").is_hidden()

    def test_by_another_model(self, page: Any):
        page.locator("#model").select_option(SIGNS)
        hand_over(page, "drop", SIGN.name, SIGN.read_bytes(), "image/jpeg")
        answer(page, "3")
        page.locator("#model").select_option(DIGITS)  # asks the other about the same picture
        page.wait_for_function("() => document.querySelector('#times').textContent !== ''")

    def test_a_network_of_colours_takes_a_drawing(self, page: Any):
        page.locator("#model").select_option(SIGNS)
        draw(page, DRAWN["3"])
        page.wait_for_function("() => document.querySelector('#best-label').textContent !== '?'")


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "content"),
        [("broken.png", b"\x89PNG\r\n\x1a\n and then nothing of the kind"), ("cut.png", SEVEN.read_bytes()[:150]),
         ("empty.png", b"")],
    )  # fmt: skip
    def test_a_broken_file_is_told_with_its_reason(
        self, opened: Callable[..., Any], address: str, name: str, content: bytes
    ):
        page = opened(address, broken=True)
        hand_over(page, "drop", name, content)
        words = problem(page)
        assert "This picture cannot be read" in words
        assert "expected" in words
        assert page.locator("#problem").get_attribute("role") == "alert"
        assert page.locator("#best-label").inner_text() == "?"
        hand_over(page, "drop", SEVEN.name, SEVEN.read_bytes())
        answer(page, "7")
        assert page.locator("#problem").is_hidden()

    def test_too_large_a_file_is_made_smaller_on_demand(self, opened: Callable[..., Any], serving: Callable[..., Any]):
        pixels = np.full((500, 600, 3), 0, np.uint8)
        pixels[75:425, 250:350] = 255
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "BMP")
        with serving("--max-body", "50kB") as address:
            page = opened(address)
            hand_over(page, "drop", "one.bmp", stream.getvalue(), "image/bmp")
            words = problem(page)
            assert "too large" in words
            assert "It has 900 kB; the server takes 50 kB." in words
            page.get_by_role("button", name="Make it smaller").click()
            page.wait_for_function("() => document.querySelector('#best-label').textContent !== '?'")
            assert page.locator("#problem").is_hidden()
            page.close()


class TestServer:
    def test_a_busy_one_is_asked_again(self, opened: Callable[..., Any], address: str):
        page = opened(address, broken=True)
        refusals = []

        def refuse_once(route: Any) -> None:
            if refusals:
                return route.continue_()
            refusals.append(route.request.url)
            headers = {"Retry-After": "1", "Content-Type": "application/json"}
            return route.fulfill(status=503, headers=headers, body='{"error": "expected room, found none"}')

        page.route("**/classify*", refuse_once)
        hand_over(page, "drop", SEVEN.name, SEVEN.read_bytes())
        assert "The server is busy\nexpected room, found none" in problem(page).replace("\n\n", "\n")
        answer(page, "7")
        assert page.locator("#problem").is_hidden()

    def test_one_that_is_gone_is_waited_for(self, opened: Callable[..., Any], address: str):
        page = opened(address, broken=True)
        page.route("**/classify*", lambda route: route.abort())
        hand_over(page, "drop", SEVEN.name, SEVEN.read_bytes())
        assert "The server cannot be reached" in problem(page)
        page.unroute("**/classify*")
        answer(page, "7")
        assert page.locator("#problem").is_hidden()

    def test_one_with_a_token_asks_for_it(self, browser: Any, serving: Callable[..., Any], tmp_path: Path):
        (tmp_path / "token").write_text("a-token-of-this-test")
        with serving("--token", tmp_path / "token") as address:
            page = browser.new_page()
            page.goto(address)
            assert "token" in problem(page)
            page.get_by_label("Token").fill("a-token-of-this-test")
            page.keyboard.press("Enter")
            page.locator("#model option").first.wait_for(state="attached")
            draw(page, DRAWN["3"])
            answer(page, "3")
            page.close()


class TestCamera:
    def test_its_square_is_classified_again_and_again(self, opened: Callable[..., Any], address: str):
        page = opened(address, permissions=["camera"])
        page.locator("#tab-camera").click()
        with page.expect_response("**/classify*") as first:
            page.locator("#camera-start").click()
        assert first.value.ok
        with page.expect_response("**/classify*") as second:
            pass
        assert second.value.ok
        page.wait_for_function("() => document.querySelector('#best-label').textContent !== '?'")
        page.locator("#camera-start").click()
        assert page.locator("#camera-words").is_visible()
        assert page.evaluate("document.querySelector('#video').srcObject") is None

    def test_leaving_its_tab_turns_it_off(self, opened: Callable[..., Any], address: str):
        page = opened(address, permissions=["camera"])
        page.locator("#tab-camera").click()
        page.locator("#camera-start").click()
        page.wait_for_function("() => document.querySelector('#video').srcObject !== null")
        page.locator("#tab-draw").click()
        page.wait_for_function("() => document.querySelector('#video').srcObject === null")

    def test_a_refusal_is_told(self, opened: Callable[..., Any], address: str):
        page = opened(address)
        page.evaluate(
            """() => { navigator.mediaDevices.getUserMedia = async () => {
                throw new DOMException('Permission denied', 'NotAllowedError');
            }; }"""
        )
        page.locator("#tab-camera").click()
        page.locator("#camera-start").click()
        words = problem(page)
        assert "The camera cannot be used" in words
        assert "Allow the camera" in words
        assert page.locator("#camera-start").inner_text() == "Start the camera"

    def test_ink_on_paper_becomes_a_digit(self, page: Any, models: dict[str, Net]):
        """Dark digits on a sheet with a shadow, at any place: read as well as those that were learned."""
        files = sorted((DATA / "digits").glob("*.png"))[:30]
        code = """async ([packed, width, height]) => {
            const { inkOnPaper } = await import('./page/ink.js');
            const pixels = Uint8ClampedArray.from(atob(packed), (sign) => sign.charCodeAt(0));
            return [...inkOnPaper(pixels, width, height)];
        }"""
        fields = []
        for i, file in enumerate(files):
            photo = self._photo(file, np.random.default_rng(i))
            packed = base64.b64encode(photo.tobytes()).decode("ascii")
            fields.append(page.evaluate(code, [packed, photo.shape[1], photo.shape[0]]))
        greys = [np.array(field, np.uint8).reshape(28, 28) for field in fields]
        read = [ranked[0][0] for ranked in models[DIGITS].classify(greys, top=1)]
        assert sum(found == file.stem[-1] for found, file in zip(read, files, strict=True)) >= 0.85 * len(files)

    @staticmethod
    def _photo(file: Any, rng: np.random.Generator) -> np.ndarray:
        """RGBA of a sheet with a digit in ink, dimmer towards one side, with noise: (160, 160, 4)."""
        edge = 160
        size = int(rng.integers(60, 110))
        ink = np.asarray(Image.open(file).resize((size, size), Image.Resampling.BICUBIC), float) / 255
        sheet = np.zeros((edge, edge))
        top, left = rng.integers(8, edge - size - 8, 2)
        sheet[top : top + size, left : left + size] = ink
        light = np.linspace(1, rng.uniform(0.6, 0.9), edge)[:, None]
        greys = 225 * light * (1 - 0.75 * sheet) + rng.normal(0, 3, (edge, edge))
        colours = np.repeat(greys.clip(0, 255).astype(np.uint8)[..., None], 4, axis=2)
        colours[..., 3] = 255
        return colours
