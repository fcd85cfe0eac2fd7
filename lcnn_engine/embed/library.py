"""The sources of the C library that opens plan files, as a folder: kernels, ``csrc/library``, CMake, examples."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..kernels import needs_of, variants
from ..runtime.info import kernel_info
from .folder import CSRC, check_place, included, write_folder
from .sources import filled

MARK = "src/library/plan_file.c"  # says that a folder was written here
_RUNTIME = ("runtime/cpu.c", "runtime/memory.c")
_OF_BLAS = {"ops/dictionary.inc.h", "runtime/blas.h"}  # what is left out by LCNN_WITHOUT_BLAS
_EXAMPLES = ("example.c", "example.cpp", "example.rs")


def write_library(folder: str | os.PathLike[str]) -> list[Path]:
    """Write the library's sources, for all instruction sets of this build; give the files, relative to ``folder``.

    The folder appears when it is complete. One that is there already is replaced where it was written here. Raises
    SettingError for any other, OSError where nothing can be written.
    """
    folder = Path(folder)
    check_place(folder, MARK, "the library")
    names = [name for name, _ in variants()]
    sources = [*_RUNTIME, *sorted(f"library/{path.name}" for path in (CSRC / "library").glob("*.c"))]
    sources += [f"variants/{name}.c" for name in names]
    fields = _fields(names, sources)
    files = {f"src/{path}": (CSRC / path).read_bytes() for path in sources}
    headers = set(included(files.values(), "")) - _OF_BLAS
    files |= {f"src/{path}": (CSRC / path).read_bytes() for path in headers}
    files["include/lcnn.h"] = files.pop("src/library/lcnn.h")
    files["src/library/lcnn.c"] = files["src/library/lcnn.c"].replace(b'"library/lcnn.h"', b'"lcnn.h"')
    for name in ("CMakeLists.txt", "README.md", "lcnn.pc.in"):
        files[name] = filled(f"library_{name.removesuffix('.in')}", fields).encode()
    for name in _EXAMPLES:
        files[f"examples/{name}"] = filled(f"library_{name}", fields).encode()
    write_folder(folder, files)
    return sorted(map(Path, files))


def _fields(names: list[str], sources: list[str]) -> dict[str, object]:
    version = kernel_info()["lcnn"]
    needs = {name: needs_of(name) for name in names}
    everywhere = [name for name in names if needs[name][0] == "any"]
    others = {machine for machine, _ in needs.values()} - {"any"}
    here = {f"src/variants/{name}.c" for name in names if name not in everywhere}
    shared = " ".join(path for path in (f"src/{source}" for source in sources) if path not in here)
    fields: dict[str, object] = {
        "version": version,
        "numbers": ".".join(re.findall(r"\d+", str(version))[:3]),
        "sources": shared,
        "isa_names": ", ".join(names),
        "defined_everywhere": " ".join(f"LCNN_WITH_{name}=1" for name in everywhere),
        "machines": "\n".join(_machine_lines(machine, needs) for machine in sorted(others)),
        "commands": _commands(version, needs, sources),
    }
    return fields | {"picture_functions": filled("picture.c", fields)}


def _machine_lines(machine: str, needs: dict[str, tuple[str, list[str]]]) -> str:
    """Add the instruction sets of one machine to the build, where it is for that."""
    own = {name: features for name, (only, features) in needs.items() if only == machine}
    lines = [f'if(LCNN_MACHINE STREQUAL "{machine}")']
    lines.append(f"  list(APPEND LCNN_SOURCES {' '.join(f'src/variants/{name}.c' for name in own)})")
    lines.append(f"  list(APPEND LCNN_DEFINITIONS {' '.join(f'LCNN_WITH_{name}=1' for name in own)})")
    for name, features in own.items():
        flags = ";".join(f"-m{feature}" for feature in features)
        lines.append(f'  set_source_files_properties(src/variants/{name}.c PROPERTIES COMPILE_OPTIONS "{flags}")')
    return "\n".join([*lines, "endif()"])


def _commands(version: object, needs: dict[str, tuple[str, list[str]]], sources: list[str]) -> str:
    """Give the lines that compile everything without CMake, on the machine of the build."""
    defined = " ".join(f"-DLCNN_WITH_{name}=1" for name in needs)
    compile_ = f"cc -std=gnu11 -O3 -fPIC -fvisibility=hidden -Iinclude -Isrc {defined}"
    plain = " ".join(f"src/{source}" for source in sources if not source.startswith("variants/"))
    lines = [f"{compile_} -ffp-contract=off -DLCNN_VERSION='\"{version}\"' -c {plain}"]
    for name, (_, features) in needs.items():
        flags = "".join(f" -m{feature}" for feature in features)
        lines.append(f"{compile_} -fno-math-errno -fwrapv -DLCNN_WITHOUT_BLAS{flags} -c src/variants/{name}.c")
    lines.append("cc -shared -Wl,-soname,liblcnn.so.1 *.o -lm -o liblcnn.so.1 && ln -s liblcnn.so.1 liblcnn.so")
    return "\n".join(f"    {line}" for line in lines)
