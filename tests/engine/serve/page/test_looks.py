"""How the page looks and is held: on a phone, in the dark, by a screen reader; and the look inside the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.browsing import DRAWN, draw

from .conftest import DIGITS
from .test_drawing import PHONE, answer

WIDTHS = [320, 390, 768, 1280]
TEXTS = [".name", ".hint", ".tab", "#best-share", ".bar-name", ".bar-share", "#times dt", "#times dd", ".foot p",
         ".node-name", ".node-time", ".legend li", ".maps figcaption span", "#draw-help"]  # fmt: skip

# The contrast of an element's text with what lies behind it, by WCAG's formula.
CONTRAST = """(selector) => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([red, green, blue]) => [red, green, blue].map((part) => {
        part /= 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    const element = [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
    if (!element) return null;
    let behind = element;
    const ground = (one) => parse(getComputedStyle(one).backgroundColor);
    while (behind.parentElement && (ground(behind)[3] ?? 1) === 0) behind = behind.parentElement;
    const pair = [light(parse(getComputedStyle(element).color)), light(ground(behind))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
}"""


def look_inside(page: Any) -> None:
    """Open the look inside, and wait until it shows something."""
    if page.locator("#inside-switch").get_attribute("aria-expanded") == "false":
        page.locator("#inside-switch").click()
    page.locator("#maps .map").first.wait_for()


class TestInside:
    def test_every_node_has_its_time(self, page: Any, models: Any):
        draw(page, DRAWN["3"])
        look_inside(page)
        names = page.locator(".node-name").all_inner_texts()
        nodes = list(models[DIGITS].graph.by_name)
        assert [name for name in names if name in nodes] == [name for name in nodes if name in names]
        assert {"conv1", "conv2", "fc6", "fc8"} <= set(names)
        assert all(text.split()[-1] in ("ms", "µs") for text in page.locator(".node-time").all_inner_texts())
        assert page.locator(".timeline-bar .segment").count() >= len(names)

    def test_layers_are_shown(self, page: Any):
        draw(page, DRAWN["3"])
        look_inside(page)
        captions = page.locator("#maps figcaption").all_inner_texts()
        assert [caption.split()[0] for caption in captions[1:]] == [
            "conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7",
        ]  # fmt: skip
        loaded = "[...document.querySelectorAll('#maps img')].every((image) => image.naturalWidth > 0 && image.alt)"
        assert page.evaluate(loaded)

    def test_is_not_asked_for_while_it_is_closed(self, page: Any):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.locator("#inside-switch").click()
        assert page.locator("#inside-switch").get_attribute("aria-expanded") == "false"
        draw(page, DRAWN["3"])
        answer(page, "3")
        page.wait_for_timeout(400)
        assert asked
        assert not [url for url in asked if "details" in url]


class TestPhone:
    @pytest.mark.parametrize("width", WIDTHS)
    def test_nothing_is_wider_than_the_screen(self, opened: Callable[..., Any], address: str, width: int):
        page = opened(address, viewport={"width": width, "height": 780})
        draw(page, DRAWN["3"])
        look_inside(page)
        for tab in ("#tab-draw", "#tab-picture", "#tab-camera"):
            page.locator(tab).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_paper_and_answer_fit_on_one_screen(self, opened: Callable[..., Any], address: str):
        page = opened(address, **PHONE)
        page.locator("#paper").tap()
        page.wait_for_function("() => document.querySelector('#times').textContent !== ''")
        box = page.locator("#bars").bounding_box()
        assert box["y"] + box["height"] <= 844

    @pytest.mark.parametrize(("width", "height"), [(844, 390), (320, 568)])
    def test_paper_is_square_and_fits_on_any_screen(
        self, opened: Callable[..., Any], address: str, width: int, height: int
    ):
        page = opened(address, **{**PHONE, "viewport": {"width": width, "height": height}})
        box = page.locator("#paper").bounding_box()
        assert box["width"] == pytest.approx(box["height"], abs=1)
        assert box["height"] >= 200
        assert box["y"] + box["height"] <= height

    def test_what_is_pressed_is_large_enough(self, opened: Callable[..., Any], address: str):
        page = opened(address, **PHONE)
        for one in page.locator("button:visible, select:visible").all():
            assert one.bounding_box()["height"] >= 40, one.inner_text()


class TestColours:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_can_be_read(self, opened: Callable[..., Any], address: str, scheme: str):
        page = opened(address, color_scheme=scheme, viewport={"width": 1280, "height": 900})
        draw(page, DRAWN["3"])
        look_inside(page)
        found = {text: page.evaluate(CONTRAST, text) for text in TEXTS}
        assert not {text: ratio for text, ratio in found.items() if ratio is None or ratio < 4.5}

    def test_dark_is_dark_and_ink_is_light(self, opened: Callable[..., Any], address: str):
        page = opened(address, color_scheme="dark")
        draw(page, DRAWN["3"])
        answer(page, "3")
        ground, ink = page.evaluate(
            """() => [getComputedStyle(document.body).backgroundColor,
                      getComputedStyle(document.querySelector('#paper')).color]"""
        )
        assert max(map(int, ground[4:-1].split(","))) < 60
        assert min(map(int, ink[4:-1].split(","))) > 200

    def test_nothing_moves_for_those_who_ask_for_that(self, opened: Callable[..., Any], address: str):
        moving = "getComputedStyle(document.querySelector('.bar'), '::before').transitionProperty"
        assert opened(address, reduced_motion="reduce").evaluate(moving) == "none"
        assert opened(address, reduced_motion="no-preference").evaluate(moving) == "transform"


class TestNames:
    def test_all_that_takes_the_focus_has_a_name(self, page: Any):
        draw(page, DRAWN["3"])
        look_inside(page)
        session = page.context.new_cdp_session(page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        focusable = [
            node
            for node in nodes
            if any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", ()))
            and node["role"]["value"] != "RootWebArea"
        ]
        assert len(focusable) >= 6
        assert not [node["role"]["value"] for node in focusable if not node.get("name", {}).get("value")]

    def test_the_focus_goes_in_the_order_of_the_page(self, page: Any):
        draw(page, DRAWN["3"])
        answer(page, "3")
        page.locator(".skip").focus()
        order = []
        for _ in range(6):
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.id"))
        assert order == ["model", "tab-draw", "paper", "undo", "clear", "inside-switch"]

    def test_arrows_go_from_tab_to_tab(self, page: Any):
        page.locator("#tab-draw").focus()
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.id") == "tab-camera"
        assert page.locator("#panel-camera").is_visible()
        page.keyboard.press("Home")
        assert page.locator("#panel-draw").is_visible()
        assert page.locator("#panel-camera").is_hidden()
