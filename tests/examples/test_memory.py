"""``examples/memory.py`` and ``lcnn bench``, by which the page says how large a machine must be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.deploy_page import Clone

LINE = re.compile(r"^(.+?) +(-?[\d.]+) MiB more, +([\d.]+) MiB in all$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def test_as_printed(clone: Clone) -> None:
    steps = {
        what: (float(more), float(whole)) for what, more, whole in LINE.findall(clone.output("examples/memory.py"))
    }
    assert [*steps][2:] == ["Net.load", "the first run", "a picture: Pillow", "8 callers at once"]
    assert abs(sum(more for more, _ in steps.values()) - steps["8 callers at once"][1]) < 0.5
    assert steps["Net.load"][0] < 40
    assert steps["8 callers at once"][0] < 60


def test_bench_as_printed(clone: Clone) -> None:
    output = clone.output("lcnn bench")
    assert output.count("images/s") == 2
    assert "1 thread" in output
