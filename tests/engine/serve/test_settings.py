"""What a server allows."""

from __future__ import annotations

import pytest

from lcnn_engine import SettingError
from lcnn_engine.images.decoding import MAX_PIXELS
from lcnn_engine.runtime.threads import default_threads
from lcnn_engine.serve.settings import Settings, size_of


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("1048576", 2**20), ("16MiB", 2**24), ("500kB", 500_000), ("2gib", 2**31), ("3MB", 3_000_000)],
)
def test_sizes(text: str, size: int):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "0", "MiB", "-1", "1.5MiB", "1 MiB", "1M", "1MiBB", "٣", "1" * 5000])
def test_what_is_no_size(text: str):
    with pytest.raises(SettingError, match="as 16MiB"):
        size_of(text)


def test_by_default_all_cores_compute():
    assert Settings().threads == default_threads()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threads": 0}, "expected threads to be above 0, got 0"),
        ({"queue": -1}, "expected queue to be at least 0, got -1"),
        ({"max_body": 0}, "max_body"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"max_pixels": MAX_PIXELS + 1}, f"at most {MAX_PIXELS}"),
        ({"token": "short"}, "at least 16 ASCII characters"),
        ({"token": "x" * 15 + " y"}, "without blanks"),
        ({"token": "ü" * 20}, "ASCII"),
    ],
)
def test_what_cannot_be(settings: dict[str, object], message: str):
    with pytest.raises(SettingError, match=message):
        Settings(**settings)  # type: ignore[arg-type]


def test_a_token_is_not_shown():
    assert "secret" not in repr(Settings(token="secret" * 5))
    assert "secret" not in str(Settings(token="secret" * 5))
