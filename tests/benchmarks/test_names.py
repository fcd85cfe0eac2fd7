"""Former names of modules and commands still work, and importing the package costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

import benchmarks
from benchmarks.utils.machine import ROOT


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_former_names_lead_to_modules_that_exist() -> None:
    assert all(find_spec(f"benchmarks.{new}") for new in benchmarks.FORMER.values())


@pytest.mark.parametrize(("former", "new"), [("floors", "roofline"), ("workloads", "networks.workloads")])
def test_former_commands_run(former: str, new: str) -> None:
    done = _python("-m", f"benchmarks.{former}", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python -m benchmarks.{new}")
    assert f"DeprecationWarning: benchmarks.{former} has moved to benchmarks.{new}" in done.stderr


def test_a_former_module_is_the_moved_one() -> None:
    code = "from benchmarks import building; from benchmarks.networks import builder; print(building is builder)"
    assert _python("-c", code).stdout == "True\n"


def test_unknown_names_are_unknown() -> None:
    assert "No module named benchmarks.nonsense" in _python("-m", "benchmarks.nonsense").stderr
    assert _python("-c", "import engines").returncode == 1  # of nobody, though benchmarks once had one


def test_the_package_imports_nothing() -> None:
    """The cold starts of other engines go through it."""
    loaded = _python("-c", "import sys, benchmarks; print(*sys.modules)").stdout.split()
    assert not {"lcnn_engine", "numpy"} & set(loaded)
