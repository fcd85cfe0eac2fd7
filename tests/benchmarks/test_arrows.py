"""Packages of benchmarks import only those before them: the order is that of the table in benchmarks/README.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.utils.machine import ROOT

FOLDER = ROOT / "benchmarks"


def _order() -> list[str]:
    """Packages and modules in the order of the README's last table."""
    table = (FOLDER / "README.md").read_text().rpartition("| where |")[2]
    firsts = [line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")]
    return [name for cell in firsts for name in re.findall(r"`(\w+)(?:/|\.py)`", cell)]


def _imported(path: Path) -> Iterator[str]:
    """Top-level names of benchmarks that a file imports."""
    package = ["benchmarks", *path.relative_to(FOLDER).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            base = [*start, *(node.module.split(".") if node.module else [])]
            for name in node.names:
                full = [*base, name.name]
                if full[0] == "benchmarks":
                    yield full[1]


ORDER = _order()
FILES = [path for name in ORDER for path in sorted((FOLDER / name).glob("*.py")) or [FOLDER / f"{name}.py"]]


def test_the_table_names_all_there_is() -> None:
    found = {path.stem for path in FOLDER.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(ORDER) == found - {"__init__", "conftest"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_imports_go_one_way(path: Path) -> None:
    own = ORDER.index(path.relative_to(FOLDER).parts[0].removesuffix(".py"))
    assert set(_imported(path)) <= set(ORDER[: own + 1])
