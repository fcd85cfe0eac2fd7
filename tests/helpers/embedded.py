"""A folder of C sources as ``embed`` writes it, compiled and called."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_engine.embed import embed
from lcnn_engine.model.graph import Graph

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
CC = shlex.split(os.environ.get("CC", "cc"))


def run(command: Sequence[object], folder: Path) -> str:
    """Run a command that must succeed; what it prints on the standard output."""
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
    return done.stdout


def compiled(folder: Path, flags: Sequence[str] = ("-O1",), compiler: Sequence[str] = CC) -> list[Path]:
    """Compile the sources of the network by the lines of its README, with ``flags`` instead of -O3; its objects."""
    lines = re.findall(r"^    cc (.* -c .*)$", (folder / "README.md").read_text(), re.MULTILINE)
    objects: list[Path] = []
    for line in lines:
        words = [word for word in line.split() if word != "-O3"]
        run([*compiler, *flags, *WARNINGS, "-fPIC", *words], folder)
        objects += [folder / f"{Path(word).stem}.o" for word in words if word.endswith(".c")]
    return objects


class Embedded:
    """A network as a shared library."""

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, np.ndarray],
        folder: Path,
        name: str = "net",
        flags: Sequence[str] = ("-O1",),
        **options: Any,
    ) -> None:
        embed(graph, tensors, folder, name=name, **options)
        objects = compiled(folder, flags)
        run([*CC, "-shared", "-o", f"lib{name}.so", *objects, "-lm"], folder)
        self._library = ctypes.CDLL(str(folder / f"lib{name}.so"))
        self.name, self.shape, self.output_shape = name, graph.input.shape, graph.output_shape
        self.call("context_size").restype = ctypes.c_size_t
        self.call("prepare_size").restype = ctypes.c_size_t if graph.preprocessing else None
        self.call("init").restype = self.call("isa").restype = self.call("message").restype = ctypes.c_void_p
        self.call("init").argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
        for function in ("run", "isa"):
            self.call(function).argtypes = [ctypes.c_void_p, *[ctypes.c_void_p] * (2 if function == "run" else 0)]

    def call(self, function: str) -> Any:
        """A function of the library by the end of its name."""
        try:
            return getattr(self._library, f"{self.name}_{function}")
        except AttributeError:  # there is no `prepare` without preprocessing
            return ctypes.CFUNCTYPE(None)(lambda: None)

    def init(self, isa: str | None = None, offset: int = 0, missing: int = 0) -> tuple[int | None, np.ndarray]:
        """Make a context; its address, and the memory that it lies in, ``offset`` bytes off a line of 64."""
        size = self.call("context_size")()
        memory = np.full(size + 128, 0xAB, np.uint8)
        start = memory.ctypes.data + (-memory.ctypes.data) % 64 + offset
        return self.call("init")(start, size - missing, isa.encode() if isa else None), memory

    def run(self, x: np.ndarray, isa: str | None = None, offset: int = 0) -> tuple[int, np.ndarray]:
        """Run one input; the status and the result."""
        context, memory = self.init(isa, offset)
        assert context is not None
        output = np.full(self.output_shape, np.nan, np.float32)
        status = self.call("run")(context, x.ctypes.data, output.ctypes.data)
        del memory
        return status, output

    def prepare(self, pixels: np.ndarray) -> tuple[int, np.ndarray]:
        """Make pixels (H, W, C) of 8 bits an input; the status and the input."""
        height, width, channels = pixels.shape
        size = self.call("prepare_size")(width, height) + 8
        memory, x = np.empty(size, np.uint8), np.full(self.shape, np.nan, np.float32)
        pointer, number = ctypes.c_void_p, ctypes.c_int
        status = self.call("prepare")(
            pointer(pixels.ctypes.data), number(width), number(height), number(channels), pointer(memory.ctypes.data),
            ctypes.c_size_t(size), pointer(x.ctypes.data),
        )  # fmt: skip
        return status, x
