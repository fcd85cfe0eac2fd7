"""Fixtures of the tests of many pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.image_files import save_noise


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with nine pictures of noise, one that is cut off, and one that is none."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for number in range(9):
        save_noise(folder / f"{number}.png", seed=number)
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:100])
    (folder / "more/text.jpg").write_text("no picture")
    return folder
