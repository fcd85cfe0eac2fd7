"""``lcnn batch`` and the loop that it is compared with both answer every image."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import batch


def test_both_programs_answer_every_image() -> None:
    what, results = batch.measured(batch.MODEL, Path("tests/data/pictures"), count=9, engines=["local"], rounds=1)
    assert what.startswith("9 images, links to ")
    assert results.keys() == {"loop", "local"}
    assert min(min(found.values()) for rounds in results.values() for found in rounds) > 0
    assert batch.ratios(results).keys() == {"local"}
    assert [row[0] for row in batch.rows_of(results, 9)] == ["", "loop", "local"]


def test_ratios_are_of_whole_programs_but_on_ray() -> None:
    loop = {"whole": 10.0, "inner": 8.0}
    results = {
        "loop": [loop] * 3,
        "local": [{"whole": 20.0, "inner": 8.0}] * 3,
        "ray": [{"whole": 99.0, "inner": 16.0}] * 3,
    }
    assert batch.ratios(results) == {"local": 0.5, "ray": 0.5}


def test_an_image_without_an_answer_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(RuntimeError, match="expected 1 rows without an error"):
        batch.batched(batch.MODEL, tmp_path, [0], "local", 1)


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="found none"):
        batch.linked(tmp_path, tmp_path, 3)
