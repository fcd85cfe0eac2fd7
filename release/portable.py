"""Compile the C of every kernel variant for the systems that wheels are for, and for Windows as far as it goes.

    python -m release.portable [NAME ...]

Nothing is linked or run: it is about what compiles. Each file is compiled as setup.py does, but for a quicker -O1, and
a warning is an error. Without zig (``pip install ziglang``) it says so in a line, and ends well.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from . import zig

__all__ = ["SYSTEMS", "Compilation", "System", "compilations", "main", "setup_module"]

ROOT = Path(__file__).parents[1]


class System(NamedTuple):
    """Something to compile for, by zig's name; ``promised`` where wheels are made for it."""

    name: str
    target: str
    promised: bool = True

    @property
    def machine(self) -> str:
        """The processor's family, as list.inc.h names it."""
        return self.target.partition("-")[0]


SYSTEMS = (
    System("linux-x86_64", f"x86_64-linux-gnu.{zig.GLIBC}"),
    System("linux-aarch64", f"aarch64-linux-gnu.{zig.GLIBC}"),
    System("musl-x86_64", "x86_64-linux-musl"),
    System("musl-aarch64", "aarch64-linux-musl"),
    System("macos-x86_64", "x86_64-macos"),
    System("macos-arm64", "aarch64-macos"),
    System("windows-x86_64", "x86_64-windows-gnu", promised=False),
)


class Compilation(NamedTuple):
    """One file for one system, and the command that compiles it."""

    system: System
    source: str
    command: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile, and print what failed. Ends with 1 where a system that wheels are for has such a file."""
    parser = argparse.ArgumentParser(prog="python -m release.portable", description=__doc__.partition("\n")[0])
    names = [system.name for system in SYSTEMS]
    parser.add_argument("system", nargs="*", help=f"those to compile for, of {', '.join(names)} (default: all)")
    wanted = parser.parse_args(arguments).system or names
    if unknown := set(wanted) - set(names):
        parser.error(f"expected systems of {', '.join(names)}, got {', '.join(sorted(unknown))}")
    if not zig.installed():
        print("check-portable: left out, since zig is not here (pip install ziglang)")
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as room, ThreadPoolExecutor(os.cpu_count()) as pool:
        for system in (system for system in SYSTEMS if system.name in wanted):
            todo = list(compilations(system, Path(room, system.name)))
            errors = [error for error in pool.map(_error_of, todo) if error]
            failed = failed or bool(errors and system.promised)
            print(f"{system.name}: {len(todo) - len(errors)} of {len(todo)} files compile", flush=True)
            print("".join(f"  {error}\n" for error in errors), end="", flush=True)
    return int(failed)


def compilations(system: System, room: Path) -> Iterator[Compilation]:
    """Give every compilation for a system; objects go into ``room``."""
    setup = setup_module()
    csrc = setup.CSRC
    variants = setup.variants(system.machine)
    room.mkdir(parents=True, exist_ok=True)
    compiler = [*zig.compiler(system.target), "-c", f"-I{csrc}", "-Werror"]
    common = [*setup.FLAGS, "-Wall", "-Wextra", "-fPIC", '-DLCNN_VERSION="any"']
    common += [f"-DLCNN_WITH_{name}=1" for name in variants]
    jobs = [(csrc / "variants" / f"{name}.c", [*setup.VARIANT_FLAGS, *flags]) for name, flags in variants.items()]
    others = [
        path for folder in ("runtime", "images", "library") for path in sorted((ROOT / csrc / folder).glob("*.c"))
    ]
    jobs += [(path.relative_to(ROOT), common) for path in others]
    for source, flags in jobs:
        target = room / f"{source.parent.name}-{source.stem}.o"
        yield Compilation(system, str(source), [*compiler, *flags, "-O1", str(source), "-o", str(target)])


def _error_of(compilation: Compilation) -> str:
    """Compile a file. Gives what the compiler said first, or nothing where it went well."""
    done = subprocess.run(compilation.command, capture_output=True, text=True, cwd=ROOT)
    if not done.returncode:
        return ""
    lines = done.stderr.splitlines()
    return next(
        (line for line in lines if "error:" in line), f"{compilation.source}: {lines[-1] if lines else 'failed'}"
    )


def setup_module() -> ModuleType:
    """Load setup.py, which knows the variants and their flags; its paths begin in the clone."""
    spec = importlib.util.spec_from_file_location("lcnn_setup", ROOT / "setup.py")
    assert spec is not None  # of a file that is there
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
