"""The folder: sources from the templates, the constants, and what they include of ``kernels/csrc``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .. import kernels
from ..errors import SettingError
from ..model.graph import MAX_BYTES, Graph
from ..model.work import MAX_MULTIPLICATIONS, check_work
from ..utils.files import replacing_folder
from .constants import ConstantFile
from .plans import plans_for
from .sources import sources_of

CSRC = Path(kernels.__file__).parent / "csrc"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
asm bool class delete false friend namespace new operator private protected public template this throw true try
typename using virtual
"""  # of C and C++; then what a program or this folder has already
_TAKEN = frozenset([*_WORDS.split(), "lcnn", "main", "example"])


def embed(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    isa: Sequence[str] | None = None,
    precision: str = "float32",
    max_bytes: int = MAX_BYTES,
    max_multiplications: int = MAX_MULTIPLICATIONS,
) -> list[Path]:
    """Write a model as a folder of C sources that needs neither Python nor a BLAS; give the files, relative to it.

    ``graph`` and ``tensors`` are as ``read_model`` gives them. ``name`` begins every public name (default: made of the
    graph's). ``isa``: the instruction sets to write plans for (default: all of this build); the fastest that a
    processor runs is chosen when the program runs. ``precision``: as in ``Net.load``; an instruction set without it
    computes in float32. ``max_bytes`` bounds the memory of a context, ``max_multiplications`` what a run
    computes.

    The folder appears when it is complete. One that is there already is replaced where a file ``NAME_plan.h`` in it
    says that it was written here; SettingError else, and for a name that is none in C, an unknown instruction set or
    precision. Raises ModelFormatError where one of the two limits is passed, OSError where nothing can be written.
    """
    name = _checked_name(graph.name if name is None else name, given=name is not None)
    folder = Path(folder)
    _check_place(folder, name)
    check_work(graph, {name: array.shape for name, array in tensors.items()}, max_multiplications)
    plans = plans_for(graph, tensors, isa, precision, max_bytes)
    constants = ConstantFile()
    places = [constants.add(plan.constants) for plan in plans]
    files: dict[str, bytes] = {
        path: text.encode() for path, text in sources_of(graph, name, plans, places, constants.size).items()
    }
    for path in _included(files.values()):
        files[f"lcnn/{path}"] = (CSRC / path).read_bytes()
    files[f"{name}_constants.bin"] = constants.data()
    _write(folder, files)
    return sorted(map(Path, files))


def _checked_name(name: str, given: bool) -> str:
    if not given:
        name = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower() or "model"
        name = name if name[0].isalpha() else f"model_{name}"
        name = name[:40]
    if not _NAME.fullmatch(name) or name.lower() in _TAKEN:
        raise SettingError(
            f"expected a name of letters, digits and _ that begins with a letter and is no word of C, got {name!r}"
        )
    return name


def _check_place(folder: Path, name: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"expected a folder or nothing at {folder}, found a file; choose another place")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / f"{name}_plan.h").is_file():
        raise SettingError(
            f"expected {folder} to be empty, or a folder that was written for {name!r} before; choose another place"
        )


def _included(sources: Iterable[bytes]) -> list[str]:
    """List the files of CSRC that sources include, and those that these include, and so on."""
    found: dict[str, None] = {}
    waiting = [path for text in sources for path in _includes(text.decode(), "lcnn/")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = None
            waiting += _includes((CSRC / path).read_text(encoding="utf-8"), "")
    return sorted(found)


def _includes(text: str, prefix: str) -> list[str]:
    return re.findall(rf'^#include "{prefix}([^"]+)"', text, re.MULTILINE)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files beside the place of the folder; then it takes that place."""
    with replacing_folder(folder) as making:
        for path, data in files.items():
            place = making / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
