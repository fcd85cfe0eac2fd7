"""The programs that are timed on a folder of images answer every one."""

from __future__ import annotations

import pytest

from benchmarks import folder
from benchmarks.utils.machine import allowed


@pytest.mark.parametrize("kind", ["small", "photographs"])
def test_both_programs_answer_every_image(kind: str) -> None:
    rates = folder.measured(folder.MODEL, folder.IMAGES[kind], count=9, threads=1, rounds=1)
    assert rates.keys() == {"lcnn predict", "loop"}
    assert min(rates.values()) > 0


def test_a_program_that_leaves_out_an_image_is_no_result() -> None:
    with pytest.raises(RuntimeError, match="expected 2 answers, got 1"):
        folder.seconds(["-c", "print()"], allowed(), 2)
