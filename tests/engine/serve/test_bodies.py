"""Bodies within limits, and pictures of forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine import InputError
from lcnn_engine.serve.bodies import MOST_PARTS, picture_of

FORM = "multipart/form-data; boundary=XX"


def part(content: bytes, disposition: bytes = b'form-data; name="picture"; filename="a.png"') -> bytes:
    return b"--XX\r\nContent-Disposition: " + disposition + b"\r\nContent-Type: image/png\r\n\r\n" + content + b"\r\n"


END = b"--XX--\r\n"


class TestForms:
    @pytest.mark.parametrize(
        "kind", ["", "image/png", "application/x-www-form-urlencoded", "nonsense;;;=", "MULTIPART"]
    )
    def test_any_other_body_is_the_picture(self, kind: str):
        assert picture_of(b"bytes", kind) == b"bytes"

    @pytest.mark.parametrize("content", [b"", b"\r\n--X", bytes(range(256)) * 20, b"--XX--"[:-1]])
    @pytest.mark.parametrize("kind", [FORM, 'Multipart/Form-Data; charset=utf-8; boundary="XX"'])
    def test_the_first_file_is_taken(self, content: bytes, kind: str):
        field = part(b"5", b'form-data; name="top"')
        assert picture_of(field + part(content) + part(b"other") + END, kind) == content

    @pytest.mark.parametrize(
        ("body", "kind", "message"),
        [
            (part(b"a"), "multipart/form-data", "boundary"),
            (b"", FORM, "to its end"),
            (b"no form", FORM, "multipart/form-data"),
            (part(b"a"), FORM, "to its end"),
            (part(b"5", b'form-data; name="top"') + END, FORM, "a form with a file"),
            (part(b"a", b"x") * (MOST_PARTS + 1) + END, FORM, f"at most {MOST_PARTS} parts"),
            (part(b"a") + END, "multipart/form-data; boundary=" + "X" * 1000, "oundary"),
        ],
    )
    def test_what_is_no_form_with_a_file(self, body: bytes, kind: str, message: str):
        with pytest.raises(InputError, match=message):
            picture_of(body, kind)


class TestLimits:
    @pytest.fixture
    def classify(self, client: Callable[..., Any]) -> Callable[..., Any]:
        return lambda body, headers=None, **settings: client(**settings).post(
            "/classify", content=body, headers=headers
        )

    def test_a_longer_body_is_refused_by_its_length(self, classify: Callable[..., Any]):
        answer = classify(b"x" * 101, max_body=100)
        assert answer.status_code == 413
        assert "at most 100 bytes, got 101" in answer.json()["error"]

    def test_and_where_it_does_not_say_its_length(self, classify: Callable[..., Any]):
        def chunks() -> Iterator[bytes]:
            for _ in range(3):
                yield b"x" * 50

        answer = classify(chunks(), max_body=100)
        assert answer.status_code == 413
        assert "more than 100" in answer.json()["error"]

    def test_all_that_are_held_are_bounded(self, classify: Callable[..., Any]):
        answer = classify(b"x" * 80, max_body=100, max_bodies=50)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"

    def test_nothing_is_held_afterwards(self, client: Callable[..., Any], picture: bytes):
        asked = client()
        for body in (picture, b"no picture", b""):
            asked.post("/classify", content=body)
        assert asked.app.state.service.bodies.held == 0

    def test_what_is_compressed_is_refused(self, classify: Callable[..., Any]):
        answer = classify(b"x", {"Content-Encoding": "gzip"})
        assert answer.status_code == 415
        assert "uncompressed" in answer.json()["error"]
