"""``POST /classify``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine import Net
from tests.helpers.image_files import encoded, png

PICTURES = Path(__file__).parents[2] / "data" / "pictures"


@pytest.fixture
def classify(client: Callable[..., Any]) -> Callable[..., Any]:
    return lambda body, query="", **settings: client(**settings).post(f"/classify{query}", content=body)


def test_it_gives_what_the_network_gives(classify: Callable[..., Any], small: Net, picture: bytes):
    answer = classify(picture).json()
    probabilities = small.predict(picture)
    best = sorted(range(10), key=lambda i: -probabilities[i])[:5]
    assert [one["index"] for one in answer["top"]] == best
    assert [(one["label"], one["probability"]) for one in answer["top"]] == small.classify(picture, 5)
    assert answer["model"] == "small"
    assert set(answer["milliseconds"]) == {"decode", "run"}
    assert all(time > 0 for time in answer["milliseconds"].values())


def test_a_form_gives_the_same(client: Callable[..., Any], picture: bytes):
    asked = client()
    form = asked.post("/classify?top=3", files={"file": ("a.png", picture, "image/png")}, data={"other": "x"})
    assert form.json()["top"] == asked.post("/classify?top=3", content=picture).json()["top"]


@pytest.mark.parametrize("path", sorted(PICTURES.glob("*.jpg")), ids=lambda path: path.stem)
def test_photographs(classify: Callable[..., Any], small: Net, path: Path):
    top = classify(path.read_bytes(), "?top=1").json()["top"]
    assert [(one["label"], one["probability"]) for one in top] == small.classify(path, 1)


@pytest.mark.parametrize(
    ("query", "count"), [("?top=1", 1), ("?top=10", 10), ("?top=12345678", 10), ("?model=small", 5)]
)
def test_how_many(classify: Callable[..., Any], picture: bytes, query: str, count: int):
    assert len(classify(picture, query).json()["top"]) == count


def test_details_come_on_demand(classify: Callable[..., Any], picture: bytes):
    answer = classify(picture, "?details=true").json()
    assert set(answer) == {"model", "top", "milliseconds", "seen", "timeline", "activations"}
    assert answer["top"] == classify(picture, "?details=false").json()["top"]
    assert [one["node"] for one in answer["activations"]] == ["conv1", "conv2", "dense1", "fc6", "fc7"]
    assert set(classify(picture, "?details=false").json()) == {"model", "top", "milliseconds"}


@pytest.mark.parametrize(
    "query", ["?top=0", "?top=-1", "?top=x", "?top=", "?top=1.0", "?top=123456789", "?top=٣", "?tpo=3", "?details=1"]
)
def test_what_a_query_cannot_say(classify: Callable[..., Any], picture: bytes, query: str):
    answer = classify(picture, query)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expected ")


def test_a_model_that_is_not_there(classify: Callable[..., Any], picture: bytes):
    answer = classify(picture, "?model=smal")
    assert answer.status_code == 404
    assert answer.json()["error"] == "expected a model among small, bare, wide, got 'smal'"


@pytest.mark.parametrize("model", ["bare", "wide"])
def test_a_model_that_takes_no_pictures(classify: Callable[..., Any], picture: bytes, model: str):
    answer = classify(picture, f"?model={model}")
    assert answer.status_code == 400
    assert "/infer" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "got no bytes"),
        (b"GIF89a", "expected a whole image"),
        (b"no picture at all", "expected a whole image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "expected a whole image"),
        (png(6, 9, 8, 2, b"\0" * 10), "expected a whole image"),
        (png(0, 9, 8, 2, b""), "expected"),
        (png(60_000, 60_000, 8, 2, b""), "pixels"),
    ],
)
def test_what_is_no_picture_says_why(classify: Callable[..., Any], body: bytes, reason: str):
    answer = classify(body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_a_cut_off_picture_says_why(classify: Callable[..., Any], picture: bytes):
    answer = classify(picture[: len(picture) // 2])
    assert answer.status_code == 400
    assert "expected a whole image" in answer.json()["error"]


def test_pixels_are_counted_before_any_is_decoded(classify: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    large = encoded(Image.fromarray(np.zeros((50, 51, 3), np.uint8)))
    monkeypatch.setattr(Image.Image, "convert", None)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    answer = classify(large, max_pixels=2549)
    assert answer.status_code == 400
    assert "at most 2549 pixels, got 51 x 50" in answer.json()["error"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method(client: Callable[..., Any], method: str):
    answer = client().request(method, "/classify")
    assert answer.status_code == 405
    assert "error" in answer.json()
