"""Old import paths: a module that has moved is found under its former name too, with a DeprecationWarning.

A finder at the head of ``sys.meta_path`` answers for the names of a table and for nothing else. Under its old name
Python then holds the very module object of the new one, so that classes, pickles and ``importlib.reload`` know no
difference. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, FrameType, ModuleType
from typing import Any

__all__ = ["redirect"]

_MACHINERY = ("importlib", "runpy")  # whose frames lie between an import statement and the finder


def redirect(package: str, table: Mapping[str, str]) -> None:
    """Make modules of ``package`` importable under their old paths, as modules and as attributes of the package.

    ``table``: old paths to new ones, both below ``package`` ("graph": "model.graph"). What lies below an old path moves
    with it. To be called at the end of the package's ``__init__``: a ``__getattr__`` that it has is asked first, and
    names in its ``__all__`` stay what they are, where an old module has the same name. Called again, as in a reload, it
    replaces the table of before.
    """
    module = sys.modules[package]
    own = vars(module).get("__getattr__")
    if isinstance(finder := getattr(own, "__self__", None), _Finder):
        sys.meta_path.remove(finder)
        own = finder.own
    finder = _Finder(package, table, own)
    # Before Python's own, which would load files below a moved folder a second time.
    sys.meta_path.insert(0, finder)
    vars(module)["__getattr__"] = finder.attribute
    if not table.keys().isdisjoint(vars(module).get("__all__", ())):
        module.__class__ = _Package


class _Package(ModuleType):
    """A package whose public names are not replaced by modules of the same name, as an import would do."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in self.__all__):
            super().__setattr__(name, value)


class _Finder:
    """Finds the old names of one package. ``own``: the package's ``__getattr__``."""

    def __init__(self, package: str, table: Mapping[str, str], own: Callable[[str], Any] | None) -> None:
        self.package = package
        self.prefix = f"{package}."
        self.table = dict(table)
        self.own = own

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Answer Python, which asks for every import; None for a name that has not moved."""
        new = self.new_path(name) if name.startswith(self.prefix) else None
        found = None if new is None else find_spec(new)
        return None if found is None else _Spec(name, found)

    def new_path(self, name: str) -> str | None:
        """Find what ``name`` has become, by itself or with the package that it lies in."""
        old, below = name.removeprefix(self.prefix), ""
        while old and old not in self.table:
            old, _, last = old.rpartition(".")
            below = f".{last}{below}"
        return f"{self.prefix}{self.table[old]}{below}" if old else None

    def attribute(self, name: str) -> Any:
        """Serve as the package's ``__getattr__``."""
        if self.own is not None:
            try:
                return self.own(name)
            except AttributeError:
                pass
        if name in self.table:
            return import_module(self.prefix + name)
        raise AttributeError(f"module {self.package!r} has no attribute {name!r}")


class _Spec(ModuleSpec):
    """An old name for the module of ``found``; ``python -m`` takes the package of relative imports from it."""

    def __init__(self, name: str, found: ModuleSpec) -> None:
        super().__init__(
            name,
            _Loader(found),  # type: ignore[arg-type]  # importlib.abc, whose class it should be, takes long to import
            origin=found.origin,
            is_package=found.submodule_search_locations is not None,
        )
        self.found = found

    @property
    def parent(self) -> str | None:
        return self.found.parent


class _Loader:
    """Imports the module of ``found``, and puts it where Python looks for what it has loaded under the old name."""

    def __init__(self, found: ModuleSpec) -> None:
        self.found = found

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to Python: what it makes will be replaced."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty ``module`` by the one that has moved."""
        old = module.__name__
        moved = import_module(self.found.name)
        _warn(old, self.found.name)
        sys.modules[old] = moved

    def get_code(self, name: str) -> CodeType | None:
        """Give ``python -m OLD.MODULE`` the code of the module that has moved."""
        _warn(name, self.found.name)
        return self.found.loader.get_code(self.found.name)  # type: ignore[union-attr]  # a file's loader has it


def _warn(old: str, new: str) -> None:
    """Warn where the import statement stands, or on the command line where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_machinery(frame):
        frame = frame.f_back
    message = f"{old} has moved to {new}"
    if frame is None:
        warnings.warn_explicit(message, DeprecationWarning, "<python -m>", 1, "__main__")
        return
    where = frame.f_globals
    registry = where.setdefault("__warningregistry__", {})
    module = where.get("__name__", "<unknown>")
    warnings.warn_explicit(message, DeprecationWarning, frame.f_code.co_filename, frame.f_lineno, module, registry)


def _is_machinery(frame: FrameType) -> bool:
    where = frame.f_globals
    return where is globals() or where.get("__name__", "").partition(".")[0] in _MACHINERY
