"""Names that a module gives when they are asked for, former ones among them, and what is done around an import."""

from __future__ import annotations

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])
Around = Callable[[], AbstractContextManager[None]]


def attribute(package: str, names: Mapping[str, str], name: str) -> Any:
    """Import a public name of a package from the module that `names` has for it, and keep it in the package.

    For a package's `__getattr__`, so raises AttributeError for a name that is not among `names`.
    """
    if name not in names:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(names[name]), name)
    vars(sys.modules[package])[name] = value
    return value


def former_names(module: str, **names: str) -> None:
    """Let a module give its names (Old="New") under those that they had before, too, with a DeprecationWarning."""
    own = sys.modules[module]

    def former(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(f"{module}.{name} is called {names[name]} now", DeprecationWarning, stacklevel=2)
        return getattr(own, names[name])

    vars(own)["__getattr__"] = former


def former_keywords(**names: str) -> Callable[[Function], Function]:
    """Let a function take arguments (old="new") by the names that they had before, too, with a DeprecationWarning."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            for old in names.keys() & keywords.keys():
                text = f"{function.__name__}: argument {old} is called {names[old]} now"
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                keywords[names[old]] = keywords.pop(old)
            return function(*arguments, **keywords)

        return cast(Function, call)

    return decorate


def around_import(name: str, around: Around) -> None:
    """Enter `around()` when the module `name` is executed, and leave it after; nothing if it is imported already."""
    if name not in sys.modules:
        sys.meta_path.insert(0, _Finder(name, around))


class _Finder(MetaPathFinder):
    """Find one module as the other finders do, and have it executed inside a context."""

    def __init__(self, name: str, around: Around):
        self.name, self.around = name, around

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        others = sys.meta_path[sys.meta_path.index(self) + 1 :]  # those before have been asked
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((found for found in specs if found is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.around)
        return spec


class _Loader(Loader):
    """Another loader, but for the context; the module gets that other one as its own, as if this had not been."""

    def __init__(self, loader: Loader, around: Around):
        self.loader, self.around = loader, around

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader
        with self.around():
            self.loader.exec_module(module)
