"""The layout of the packages: who may import whom, as ARCHITECTURE.md says it, no circles, a declared API, docstrings.

The table under "Which way the arrows point" is read from the page: ``| room | may import |``, names in backticks. A row
is a room, a module or a folder below lcnn_engine, or one whose name begins with lcnn_train or benchmarks. It imports
only what its row lists: rooms of its own package by their names alone, others by their whole names, and all of them in
rows above. A room stands for what lies in it, the name of a package for its public names alone; ``lcnn_train.*`` as a
row speaks for every room of the trainer, ``lcnn_engine.*`` as an entry for everything in the engine.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

from tests.helpers.imports import Import, circle_in, imports_of, modules_of

ROOT = Path(__file__).parents[1]
HEADING = "## Which way the arrows point"
MOST_ENTRIES = 17  # of a package's top level
ENGINE, TRAINER, BENCHMARKS = PACKAGES = ("lcnn_engine", "lcnn_train", "benchmarks")
MODULES = {name: path for package in PACKAGES for name, path in modules_of(ROOT / package).items()}
IMPORTS = imports_of(MODULES, MODULES.keys())
EACH = pytest.mark.parametrize(
    "package",
    PACKAGES,
)


def whole_name(name: str, package: str = ENGINE) -> str:
    """``name`` with the package before it that it lies in."""
    return name if name.partition(".")[0] in PACKAGES else f"{package}.{name}"


def table_of(page: str) -> dict[str, list[str]]:
    """Read rooms and what each may import, in the order of their rows."""
    section = page.partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    table = {}
    for room, cell in re.findall(r"^\| `([^`|]+)` \| (.+) \|$", section, re.MULTILINE):
        assert "`" in cell or cell == "nothing of ours", f"{room}: expected names in backticks or 'nothing of ours'"
        row = whole_name(room)
        table[row] = [whole_name(name, row.partition(".")[0]) for name in re.findall(r"`([^`]+)`", cell)]
    return table


TABLE = table_of((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def covers(name: str, module: str) -> bool:
    """Whether a name of the table means a module: itself, or what lies in it; a package's name only itself."""
    if name.endswith(".*"):
        return f"{module}.".startswith(name[:-1])
    return module == name or (name not in (ENGINE, TRAINER) and module.startswith(f"{name}."))


def room_of(module: str) -> str:
    """The row of the table that a module belongs to; its place below the top level where it has none."""
    rows = [room for room in TABLE if not room.endswith(".*") and covers(room, module)]
    return max(rows, key=len, default=".".join(module.split(".")[:2]))


def rows_for(room: str) -> list[str]:
    """The row of a room, and those that speak for it."""
    return [row for row in TABLE if row == room or (row.endswith(".*") and covers(row, room))]


def between_rooms(package: str) -> list[Import]:
    return [
        found
        for found in IMPORTS
        if found.importer.partition(".")[0] == package and room_of(found.importer) != room_of(found.module)
    ]


class TestTable:
    @EACH
    def test_every_room_has_a_row(self, package: str):
        rooms = {room_of(module) for module in MODULES if module.partition(".")[0] == package}
        assert rooms <= TABLE.keys()

    @EACH
    def test_every_name_is_that_of_a_module(self, package: str):
        rows = {row: entries for row, entries in TABLE.items() if row.partition(".")[0] == package}
        names = {name.removesuffix(".*") for row, entries in rows.items() for name in (row, *entries)}
        assert names <= MODULES.keys()

    def test_rooms_import_from_rows_above(self):
        rows = list(TABLE)
        for row, entries in TABLE.items():
            above = rows[: rows.index(row)]
            below = [entry for entry in entries if not any(covers(room, entry.removesuffix(".*")) for room in above)]
            assert not below, f"{row} may import what has no row above it"


@EACH
class TestImports:
    def test_follow_the_arrows(self, package: str):
        found = [
            str(found)
            for found in between_rooms(package)
            if not any(covers(entry, found.module) for row in rows_for(room_of(found.importer)) for entry in TABLE[row])
        ]
        assert not found, "\n".join(["imports that ARCHITECTURE.md does not allow:", *found])

    def test_no_arrow_without_an_import(self, package: str):
        used = defaultdict(set)
        for found in between_rooms(package):
            for row in rows_for(room_of(found.importer)):
                used[row] |= {entry for entry in TABLE[row] if covers(entry, found.module)}
        rows = [row for row in TABLE if row.partition(".")[0] == package]
        idle = {row: entries for row in rows if (entries := sorted(set(TABLE[row]) - used[row]))}
        assert not idle, f"ARCHITECTURE.md allows what nothing imports: {idle}"

    def test_no_circle(self, package: str):
        modules, rooms = defaultdict(set), defaultdict(set)
        for found in IMPORTS:
            if found.importer.partition(".")[0] == package:
                modules[found.importer].add(found.module)
        for found in between_rooms(package):
            rooms[room_of(found.importer)].add(room_of(found.module))
        assert not circle_in(modules)
        assert not circle_in(rooms)

    def test_of_the_engine_take_what_it_declares(self, package: str):
        hidden = []
        for found in between_rooms(package):
            if found.module.partition(".")[0] == ENGINE:
                declared = getattr(import_module(found.module), "__all__", ())
                names = {name for name in found.names if f"{found.module}.{name}" not in MODULES}
                hidden += [f"{found}: {name}" for name in names if name not in declared and not name.startswith("__")]
        assert not hidden, "\n".join(["names that are not in __all__ of their module:", *sorted(hidden)])


@pytest.mark.parametrize("package", [ENGINE, TRAINER])
def test_top_levels_are_short(package: str):
    entries = [path.name for path in (ROOT / package).iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


@pytest.mark.parametrize("package", [ENGINE, TRAINER])
def test_every_folder_says_what_lives_in_it(package: str):
    folders = {path.parent for name, path in MODULES.items() if name.partition(".")[0] == package}
    silent = [folder for folder in folders if not _docstring(folder / "__init__.py")]
    assert not silent


def _docstring(path: Path) -> str:
    return (path.is_file() and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))) or ""


@pytest.mark.parametrize(
    "room",
    [
        "", "analysis", "cli", "embed", "format", "images", "interop", "model", "plan", "plan/folding", "plan/lower",
        "runtime", "serve", "utils",
    ],
)  # fmt: skip
def test_tests_lie_as_the_code_does(room: str):
    """``test_model_file_limits.py`` is about ``model_file.py``; at the top, some are about the whole engine."""
    modules = {path.stem.strip("_") for path in (ROOT / ENGINE / room).glob("*.py")} - {"init"}
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests/engine" / room).glob("test_*.py")}
    others = tests - {"isolation", "promises", "same_bits"} if not room else tests
    assert all(any(test == name or test.startswith(f"{name}_") for test in tests) for name in modules), modules
    assert all(any(test == name or test.startswith(f"{name}_") for name in {*modules, room}) for test in others), others


def test_every_kind_of_import_is_seen(tmp_path: Path):
    files = {
        "p/__init__.py": "from .a import x",
        "p/a.py": "from . import b as c\nc.used\nc.b.other\nimport os",
        "p/b/__init__.py": "def f():\n    from ..a import y",
        "p/b/d.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a, p.b.e\np.a.z",
        "p/b/e.pyx": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    modules = modules_of(tmp_path / "p")
    found = {(i.importer, i.module, *sorted(i.names)) for i in imports_of(modules, modules.keys())}
    assert found == {
        ("p", "p.a", "x"),
        ("p.a", "p.b", "b", "used"),
        ("p.b", "p.a", "y"),
        ("p.b.d", "p.a", "z"),
        ("p.b.d", "p.b.e"),
    }


def test_circles_are_found():
    assert circle_in({"a": {"b"}, "b": {"c", "d"}, "d": {"b"}}) == ["b", "d", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}}) == []
