"""Who imports whom, read from the sources: every import statement, wherever in a file it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import NamedTuple

SOURCES = (".py", ".pyx", ".pyi")


class Import(NamedTuple):
    """``importer`` imports ``names`` of ``module``; of one that it imports as a whole, those that it uses."""

    importer: str
    module: str
    names: frozenset[str]
    line: int

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: {self.module}"


def modules_of(package: Path) -> dict[str, Path]:
    """Find the modules of a package, by dotted name; a package goes by its own name."""
    found = {}
    for path in sorted(package.rglob("*")):
        if path.suffix in SOURCES:
            parts = path.relative_to(package.parent).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name not in found or path.suffix == ".py":
                found[name] = path
    return found


def imports_of(modules: Mapping[str, Path], known: Set[str]) -> list[Import]:
    """List what ``modules`` import of the modules ``known``, those in functions and for type checkers included."""
    return [found for name, path in modules.items() if path.suffix == ".py" for found in _imports(name, path, known)]


def _imports(importer: str, path: Path, known: Set[str]) -> Iterator[Import]:
    package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in known:
                    yield Import(importer, alias.name, _attributes_of(tree, alias.asname or alias.name), node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(package, node)
            for alias in node.names:
                module = f"{base}.{alias.name}"
                if module in known:
                    yield Import(importer, module, _attributes_of(tree, alias.asname or alias.name), node.lineno)
                elif base in known:
                    yield Import(importer, base, frozenset({alias.name}), node.lineno)


def _attributes_of(tree: ast.AST, module: str) -> frozenset[str]:
    """Names that a source takes from what it calls ``module``: ``module.name``."""
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return frozenset(node.attr for node in attributes if ast.unparse(node.value) == module)


def _absolute(package: str, node: ast.ImportFrom) -> str:
    """The dotted name that follows ``from``."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parents = parts[: len(parts) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def circle_in(arrows: Mapping[str, Set[str]]) -> list[str]:
    """Find names that lead back to the first of them; none where there is no circle."""
    done: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for target in sorted(arrows.get(name, ())):
            if found := search(target, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := search(name, []))), [])
