"""The page and its examples: every command is run by a test, every example is on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.deploy_page import PAGE, ROOT, blocks

HERE = Path(__file__).parent
NEEDLE = re.compile(r'(?:block|output)\(\s*"([^"]+)"')


def needles() -> set[str]:
    return {needle for path in HERE.glob("*.py") for needle in NEEDLE.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("commands", blocks(), ids=lambda commands: commands.splitlines()[0][:60])
def test_every_block_is_run_by_a_test(commands: str) -> None:
    assert [needle for needle in needles() if needle in commands]


def test_every_example_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    examples = [path for path in (ROOT / "examples").iterdir() if path.name not in ("README.md", "__pycache__")]
    assert len(examples) > 8
    assert not [path.name for path in examples if f"examples/{path.name}" not in page]


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.py")), ids=lambda path: path.name)
def test_an_example_says_what_it_does(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith('"""')
