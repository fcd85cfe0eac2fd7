"""Asking interpreters what they are."""

from __future__ import annotations

import sys
import sysconfig

import pytest

from release.interpreters import Interpreter, ask


def test_an_interpreter_says_what_it_is() -> None:
    found = ask([sys.executable])
    assert found.command == (sys.executable,)
    assert found.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found.abi == f"cp{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
    assert sysconfig.get_platform().endswith(found.machine)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names for modules")
def test_its_modules_are_named_as_its_own_are() -> None:
    found = ask([sys.executable])
    assert found.extension_suffix(found.machine) == sysconfig.get_config_var("EXT_SUFFIX")


def test_modules_for_another_machine() -> None:
    threaded = Interpreter(("python3.14t",), "3.14", "cp314t", "x86_64")
    assert threaded.extension_suffix("aarch64") == ".cpython-314t-aarch64-linux-gnu.so"


@pytest.mark.parametrize("command", [["no-such-python"], [sys.executable, "-Z"]])
def test_what_is_no_interpreter_is_refused(command: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"expected a Python interpreter as '.*', got .+"):
        ask(command)
