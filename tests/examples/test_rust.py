"""``examples/rust``: a program of Rust."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.deploy_page import Clone, answers, label_of

CARGO = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo/bin"))

pytestmark = pytest.mark.skipif(not CARGO, reason="Cargo is not installed")


@pytest.fixture(scope="module")
def printed(digits: tuple[Clone, str]) -> str:
    """What the page's commands print; the program is there then."""
    return digits[0].output("cargo run", timeout=600)


def test_as_printed(printed: str) -> None:
    found = answers(printed)
    assert len(found) == 10
    assert all(label_of(picture) == label for picture, label in found.items())


def test_bad_pictures_end_with_a_line_each(digits: tuple[Clone, str], printed: str) -> None:
    built, _ = digits
    (built.folder / "cut.bad").write_bytes(b"P5\n28 28\n255\n0123")
    (built.folder / "thin.bad").write_bytes(b"P5\n1 0\n255\n")
    (built.folder / "text.bad").write_bytes(b"P5\n-1 99999999999\nx\n")
    done = built.run("rust/release/classify cut.bad thin.bad text.bad none.bad")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["cut.bad", "thin.bad", "text.bad", "none.bad"]
    assert all("expected a PPM or PGM file" in line for line in lines[:3])
