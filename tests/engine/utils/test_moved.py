"""Old import paths: the same module objects, a warning that names the new path, at the place of the import."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import lcnn_engine
from lcnn_engine.utils.moved import _Finder

TABLE = next(f.table for f in sys.meta_path if isinstance(f, _Finder) and f.package == "lcnn_engine")
if find_spec("onnx") is None:
    TABLE = {old: new for old, new in TABLE.items() if new != "interop.onnx"}


def python(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run an interpreter of its own, which finds packages in ``folder``, too."""
    ours = str(Path(lcnn_engine.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ours, *([str(folder)] if folder else [])])}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package ``moving`` with an old module that is a public name too, and a folder that has moved."""
    files = {
        "__init__.py": (
            "from lcnn_engine.utils.moved import redirect\n"
            "__all__ = ['check']\n"
            "def __getattr__(name):\n"
            "    if name == 'lazy':\n"
            "        return 'from the package'\n"
            "    raise AttributeError(f'no {name} here')\n"
            "def check(): return 'checked'\n"
            "redirect(__name__, {'check': 'new.check', 'commands': 'new', 'lazy': 'new.check', 'gone': 'new.gone'})\n"
        ),
        "new/__init__.py": "",
        "new/check.py": "from . import helper\nclass Checker: pass\nif __name__ == '__main__': print(helper.HELP)\n",
        "new/helper.py": "HELP = 'relative imports work'\n",
    }
    for name, text in files.items():
        path = tmp_path / "moving" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_every_old_path_is_the_module_of_its_new_one():
    code = f"""
import importlib, sys
import lcnn_engine
for old, new in {TABLE!r}.items():
    old, new = f"lcnn_engine.{{old}}", f"lcnn_engine.{{new}}"
    module = importlib.import_module(old)
    assert module is importlib.import_module(new), old
    assert module is sys.modules[old]
    assert module.__name__ == module.__spec__.name == new
    assert importlib.util.find_spec(old).name == new
"""
    result = python("-c", code)
    assert result.returncode == 0, result.stderr


def test_every_old_path_warns():
    code = f"""
import importlib
import lcnn_engine
for old, new in {TABLE!r}.items():
    try:
        importlib.import_module(f"lcnn_engine.{{old}}")
    except DeprecationWarning as warning:
        assert str(warning) == f"lcnn_engine.{{old}} has moved to lcnn_engine.{{new}}", warning
    else:
        raise AssertionError(f"no warning for {{old}}")
"""
    result = python("-W", "error::DeprecationWarning", "-c", code)
    assert result.returncode == 0, result.stderr


def test_no_new_path_is_an_old_one():
    assert not TABLE.keys() & set(TABLE.values())


@pytest.mark.parametrize(
    "statement",
    [
        "import lcnn_engine.graph",
        "import lcnn_engine.graph as graph",
        "from lcnn_engine import graph",
        "from lcnn_engine.graph import Graph",
        "import importlib; importlib.import_module('lcnn_engine.graph')",
        "import lcnn_engine; lcnn_engine.graph.Graph",
    ],
)
def test_the_warning_points_at_the_importer(tmp_path: Path, statement: str):
    script = tmp_path / "script.py"
    script.write_text(f"\n\n{statement}\n")
    result = python(str(script))
    assert result.returncode == 0, result.stderr
    expected = f"{script}:3: DeprecationWarning: lcnn_engine.graph has moved to lcnn_engine.model.graph"
    assert result.stderr.splitlines()[0] == expected


def test_nothing_is_imported_before_it_is_asked_for():
    code = "import sys, lcnn_engine; print('lcnn_engine.analysis.profile' in sys.modules)"
    assert python("-c", code).stdout.strip() == "False"


def test_pickles_of_before_load():
    code = """
import pickle
old = b"clcnn_engine.graph\\nGraph\\n."  # protocol 0: the class by the module's name of before
import lcnn_engine
assert pickle.loads(old) is lcnn_engine.Graph
"""
    result = python("-c", code)
    assert result.returncode == 0, result.stderr


def test_a_module_reloads_under_either_name():
    code = """
import importlib, sys
import lcnn_engine.text
module = sys.modules["lcnn_engine.text"]
assert importlib.reload(module) is module is sys.modules["lcnn_engine.utils.text"]
import lcnn_engine
finders = len(sys.meta_path)
importlib.reload(lcnn_engine)
assert len(sys.meta_path) == finders
"""
    result = python("-W", "ignore", "-c", code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import lcnn_engine; lcnn_engine.no", "AttributeError: module 'lcnn_engine' has no attribute 'no'"),
        ("from lcnn_engine import no", "ImportError: cannot import name 'no' from 'lcnn_engine'"),
        ("import lcnn_engine.no", "ModuleNotFoundError: No module named 'lcnn_engine.no'"),
    ],
)
def test_what_does_not_exist_is_said_as_ever(statement: str, message: str):
    assert python("-c", statement).stderr.splitlines()[-1].startswith(message)


def test_runs_as_a_program_under_its_old_name(package: Path):
    result = python("-m", "moving.commands.check", folder=package)
    assert result.stdout.strip() == "relative imports work", result.stderr
    assert "DeprecationWarning: moving.commands.check has moved to moving.new.check" in result.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import moving.commands.check, moving.new.check as new; assert moving.commands.check is new",
        "import moving.check as a; import moving, sys; assert moving.check() == 'checked'",  # stays the public name
        "from moving.check import Checker; from moving.new import check; assert check.Checker is Checker",
        "import moving; assert moving.lazy == 'from the package'",
        "import moving; assert not hasattr(moving, 'nothing')",
        "import importlib.util as u; assert u.find_spec('moving.gone') is None",
        "import importlib, moving; importlib.reload(moving); importlib.reload(moving); assert moving.commands",
    ],
)
def test_packages_and_public_names(package: Path, code: str):
    result = python("-W", "ignore", "-c", code, folder=package)
    assert result.returncode == 0, result.stderr
