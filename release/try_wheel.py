"""Install a wheel where there is no compiler and nothing but NumPy and Pillow, and predict digits with it.

    python -m release.try_wheel WHEEL --python python3.12
    python -m release.try_wheel WHEEL --python "qemu-aarch64-static -L ROOT ROOT/usr/bin/python3.13" --tests engine

The interpreter may be of another machine, behind an emulator: pip of this one fetches the packages for it, as wheels,
and it runs without packages of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .interpreters import Interpreter, ask
from .zig import GLIBC

__all__ = ["MOST_BYTES", "install", "main", "predict", "run_tests", "size_of"]

ROOT = Path(__file__).parents[1]
MOST_BYTES = 120_000_000  # of everything that is installed
FOR_TESTS = ("pytest", "hypothesis", "scipy>=1.13")


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, weigh and run a wheel, and print what was found. Ends with 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m release.try_wheel", description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", required=True, help="command of the interpreter, with an emulator before it")
    parser.add_argument("--tests", nargs="+", default=[], help="folders or files below tests/ to run, too")
    options = parser.parse_args(arguments)
    interpreter = ask(shlex.split(options.python))
    with tempfile.TemporaryDirectory() as room:
        packages, others = Path(room, "packages"), Path(room, "others")
        install(interpreter, [str(options.wheel)], packages)
        size = size_of(packages)
        done = predict(interpreter, packages)
        print(
            json.dumps({"installed_bytes": size, **json.loads(done.stdout or "{}")}, indent=1), done.stderr, flush=True
        )
        failed = bool(done.returncode) or size > MOST_BYTES
        if options.tests:
            install(interpreter, FOR_TESTS, others)
            failed = run_tests(interpreter, [packages, others], options.tests, Path(room, "tests")) or failed
    return int(failed)


def install(interpreter: Interpreter, what: Sequence[str], folder: Path) -> None:
    """Install wheels and what they need into ``folder``, as they are for the interpreter's machine.

    Nothing is compiled: what has no wheel for glibc 2.28 is an error, CalledProcessError.
    """
    newest = int(GLIBC.partition(".")[2])
    platforms = [f"manylinux_2_{minor}_{interpreter.machine}" for minor in range(newest, 16, -1)]
    options = ["--python-version", interpreter.version, "--implementation", "cp", "--only-binary", ":all:"]
    abis = (interpreter.abi, "none") if interpreter.abi.endswith("t") else (interpreter.abi, "abi3", "none")
    options += [word for abi in abis for word in ("--abi", abi)]  # a free-threaded Python loads no module for abi3
    options += [word for name in (*platforms, f"manylinux2014_{interpreter.machine}") for word in ("--platform", name)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *options, *what]
    subprocess.run(command, check=True)


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def predict(interpreter: Interpreter, packages: Path) -> subprocess.CompletedProcess[str]:
    """Run installed.py with the packages of that folder alone, and no program within reach."""
    command = [*_found(interpreter.command), "-I", "-S", str(ROOT / "release/installed.py"), str(packages)]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": ""}, cwd=packages)


def run_tests(interpreter: Interpreter, folders: Sequence[Path], tests: Sequence[str], room: Path) -> bool:
    """Run tests of this clone with the packages of those folders, from ``room``. Gives whether any failed."""
    for name in ("tests", "weights"):
        shutil.copytree(ROOT / name, room / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        *interpreter.command,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(f"tests/{name}" for name in tests),
    ]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    if interpreter.machine != platform.machine():
        variables.pop("OPENBLAS_CORETYPE", None)  # names a core of this machine
    return bool(subprocess.run(command, cwd=room, env=variables).returncode)


def _found(command: Sequence[str]) -> list[str]:
    """Give a command with the whole path of its program, so that it runs without PATH."""
    return [shutil.which(command[0]) or command[0], *command[1:]]


if __name__ == "__main__":
    sys.exit(main())
