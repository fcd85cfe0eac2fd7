"""What a person does to a page in a browser: drawing by mouse and by finger, dropping and pasting files."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

Stroke = Sequence[tuple[float, float]]

# Digits as a person draws them, by corners: x and y from 0 to 1.
DRAWN: Mapping[str, Sequence[Stroke]] = {
    "0": [[(0.5, 0.2), (0.36, 0.28), (0.3, 0.5), (0.37, 0.72), (0.5, 0.8), (0.64, 0.72), (0.7, 0.5), (0.63, 0.28),
           (0.5, 0.2)]],
    "1": [[(0.55, 0.2), (0.5, 0.5), (0.46, 0.8)]],
    "2": [[(0.33, 0.33), (0.4, 0.23), (0.53, 0.2), (0.64, 0.28), (0.64, 0.4), (0.52, 0.56), (0.32, 0.77), (0.5, 0.76),
           (0.7, 0.77)]],
    "3": [[(0.34, 0.25), (0.48, 0.19), (0.61, 0.24), (0.62, 0.37), (0.5, 0.46), (0.44, 0.48), (0.57, 0.5),
           (0.66, 0.6), (0.62, 0.74), (0.48, 0.8), (0.33, 0.75)]],
    "4": [[(0.4, 0.2), (0.33, 0.5), (0.66, 0.5)], [(0.62, 0.22), (0.6, 0.5), (0.57, 0.82)]],
    "5": [[(0.65, 0.2), (0.42, 0.2), (0.38, 0.45), (0.52, 0.42), (0.64, 0.52), (0.63, 0.68), (0.5, 0.78),
           (0.34, 0.74)]],
    "6": [[(0.6, 0.2), (0.45, 0.35), (0.36, 0.58), (0.4, 0.74), (0.52, 0.8), (0.63, 0.72), (0.63, 0.6), (0.52, 0.53),
           (0.39, 0.62)]],
    "7": [[(0.32, 0.24), (0.5, 0.23), (0.68, 0.22), (0.58, 0.45), (0.47, 0.8)]],
    "8": [[(0.62, 0.3), (0.5, 0.2), (0.39, 0.29), (0.44, 0.42), (0.57, 0.54), (0.62, 0.68), (0.5, 0.8), (0.38, 0.69),
           (0.44, 0.54), (0.57, 0.42), (0.62, 0.3)]],
    "9": [[(0.63, 0.32), (0.52, 0.22), (0.39, 0.28), (0.38, 0.42), (0.5, 0.48), (0.62, 0.4), (0.63, 0.32),
           (0.61, 0.55), (0.55, 0.8)]],
}  # fmt: skip


def draw(page: Any, strokes: Sequence[Stroke]) -> None:
    """Draw by mouse, without a halt between corners."""
    box = page.locator("#paper").bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        page.mouse.up()


def draw_by_finger(page: Any, strokes: Sequence[Stroke]) -> None:
    """Draw by touch, as the browser itself gets it."""
    box = page.locator("#paper").bounding_box()
    session = page.context.new_cdp_session(page)

    def send(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in strokes:
        send("touchStart", stroke[0])
        for place in stroke[1:]:
            send("touchMove", place)
        send("touchEnd")


HAND_OVER = """([event, target, name, type, content]) => {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    const options = { bubbles: true, cancelable: true };
    const made = event === "paste"
        ? new ClipboardEvent("paste", { ...options, clipboardData: data })
        : new DragEvent(event, { ...options, dataTransfer: data });
    document.querySelector(target).dispatchEvent(made);
}"""


def hand_over(page: Any, event: str, name: str, content: bytes, media_type: str = "image/png") -> None:
    """Drop (``event`` is "drop") or paste ("paste") a file on the page."""
    packed = base64.b64encode(content).decode("ascii")
    if event == "drop":
        page.evaluate(HAND_OVER, ["dragenter", "main", name, media_type, packed])
    page.evaluate(HAND_OVER, [event, "main", name, media_type, packed])
