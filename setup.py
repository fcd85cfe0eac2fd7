"""Builds the kernels. Everything else about the package is in pyproject.toml.

Each variant of the kernels is a small library with flags of its own: the extension as a whole is compiled for any
processor of its family, and picks a variant when it runs. Which variants there are, and for which machines, is listed
in ``csrc/variants/list.inc.h``; sources are found by folder. One that the compiler cannot build is left out, with a
warning, and ``kernel_info()`` names it.

What is built is for the machine that Python's sysconfig names: this one, or, where ``_PYTHON_HOST_PLATFORM`` says so
and ``CC`` compiles for it, another one.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

CSRC = Path("lcnn_engine/kernels/csrc")
FLAGS = ["-std=gnu11", "-O3", "-g0", "-fvisibility=hidden"]

# `LCNN_SANITIZE=address,undefined` or `thread`: kernels that say what they do wrong, for .ci/sanitize. Checks are
# calls, those of pointers are left to the address sanitizer: all of them in line take minutes to compile.
SANITIZE = os.environ.get("LCNN_SANITIZE", "")
if SANITIZE:
    FLAGS += ["-O1", "-g1", "-fno-omit-frame-pointer", f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
    if "undefined" in SANITIZE:
        FLAGS += ["-fno-sanitize=null,alignment,pointer-overflow,object-size"]
    if "address" in SANITIZE:
        FLAGS += ["--param", "asan-instrumentation-with-call-threshold=0"]
VARIANT_FLAGS = [*FLAGS, "-Wall", "-Wextra", "-fPIC", "-fno-math-errno"]
BUILDS = {"bdist_wheel", "build", "build_clib", "build_ext", "develop", "editable_wheel", "install"}


def machine_of(platform: str) -> str:
    """The machine of a platform as sysconfig names it (linux-x86_64, macosx-11.0-arm64), by the name in list.inc.h."""
    name = platform.lower().rpartition("-")[2]
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def variants(machine: str) -> dict[str, list[str]]:
    """Compiler flags of every variant for ``machine``, by name: ``-m`` and each feature that it needs."""
    folder = Path(__file__).parent / CSRC / "variants"
    listed = (folder / "list.inc.h").read_text()
    rows = re.findall(r"^LCNN_VARIANT\((\w+), (\w+),(.*?)\)\n#endif", listed, re.MULTILINE | re.DOTALL)
    unlisted = {path.stem for path in folder.glob("*.c")} - {name for name, _, _ in rows}
    if unlisted:
        raise SystemExit(f"expected a row of csrc/variants/list.inc.h for each variant, found none for {unlisted}")
    return {
        name: [f"-m{feature}" for feature in re.findall(r"NEEDS\((.+?)\)", needs)]
        for name, only, needs in rows
        if only in ("any", machine)
    }


def compiler() -> list[str]:
    """The command that compiles C. Raises SystemExit where there is none: a remedy, instead of a log of what failed."""
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    program = next((word for word in command if shutil.which(word)), None)
    if program is None:
        raise SystemExit(
            f"expected a C compiler to build the kernels with, found no {command[0]!r}; install GCC or Clang "
            "(Debian, Ubuntu: apt install gcc; Fedora, RHEL: dnf install gcc; macOS: xcode-select --install), or set CC"
        )
    return command


def buildable(name: str, flags: list[str]) -> bool:
    """Whether the compiler knows a variant's instructions. The last variant needs nothing, so it must be built.

    A look at the syntax is quick, but zig fails at that: whatever fails is compiled.
    """
    source = str(CSRC / "variants" / f"{name}.c")
    command = [*compiler(), *VARIANT_FLAGS, *flags, f"-I{CSRC}", source]
    tried = subprocess.run([*command, "-fsyntax-only"], capture_output=True, text=True)
    if tried.returncode and flags:
        with tempfile.TemporaryDirectory() as room:
            target = str(Path(room, "tried.o"))
            tried = subprocess.run([*command, "-O0", "-c", "-o", target], capture_output=True, text=True)
    if tried.returncode and flags:
        error = next((line for line in tried.stderr.splitlines() if "error" in line), "it failed")
        print(f"warning: the variant {name} is left out, since {command[0]} cannot build it: {error}", file=sys.stderr)
    return not tried.returncode or not flags


def variant_library(name: str, flags: list[str], headers: list[str]) -> tuple[str, dict]:
    """What setuptools compiles one variant by."""
    source = str(CSRC / "variants" / f"{name}.c")
    settings = {"include_dirs": [str(CSRC)], "cflags": VARIANT_FLAGS + flags, "obj_deps": {source: headers}}
    return f"lcnn_{name}", {"sources": [source], **settings}


def main() -> None:
    """Build what the command line asks for."""
    from Cython.Build import cythonize  # here, for those who only ask what would be built
    from setuptools import Extension, setup

    platform = sysconfig.get_platform()
    link_flags = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
    if not platform.startswith("macosx"):
        link_flags += ["-pthread"] if SANITIZE else ["-pthread", "-Wl,-s"]
    known = variants(machine_of(platform))
    built = {name: flags for name, flags in known.items() if not BUILDS & set(sys.argv) or buildable(name, flags)}

    # A library's objects depend on all headers; setuptools rebuilds them when one is newer.
    headers = sorted(str(path) for path in CSRC.rglob("*.h"))
    program = Extension(
        "lcnn_engine.kernels.program",
        ["lcnn_engine/kernels/program.pyx", *sorted(str(path) for path in (CSRC / "runtime").glob("*.c"))],
        include_dirs=[str(CSRC)],
        depends=headers,
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            *((f"LCNN_WITH_{name}", "1") for name in built),
            ("LCNN_KNOWN_VARIANTS", '"{}"'.format(" ".join(known))),
        ],
        extra_compile_args=[*FLAGS, "-Wno-unused-function"],
        extra_link_args=link_flags,
    )
    setup(
        libraries=[variant_library(name, flags, headers) for name, flags in built.items()],
        ext_modules=cythonize([program], nthreads=min(2, os.cpu_count() or 1), language_level=3),
    )


if __name__ == "__main__":  # a build backend runs this file under that name, too
    main()
