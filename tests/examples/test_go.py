"""``examples/go``: a program of Go."""

from __future__ import annotations

import shutil

import pytest

from tests.helpers.deploy_page import Clone, answers, label_of

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed")


@pytest.fixture(scope="module")
def printed(digits: tuple[Clone, str]) -> str:
    """What the page's commands print; the program is there then."""
    return digits[0].output("go build", timeout=600)


def test_as_printed(printed: str) -> None:
    found = answers(printed)
    assert len(found) == 10
    assert all(label_of(picture) == label for picture, label in found.items())


def test_bad_pictures_end_with_a_line_each(digits: tuple[Clone, str], printed: str) -> None:
    built, _ = digits
    (built.folder / "cut.bad").write_bytes(b"P5\n28 28\n255\n0123")
    (built.folder / "empty.bad").write_bytes(b"")
    done = built.run("./classify cut.bad empty.bad none.bad")
    lines = done.stderr.splitlines()
    assert [("cut.bad" in lines[0]), ("empty.bad" in lines[1]), ("none.bad" in lines[2])] == [True] * 3
