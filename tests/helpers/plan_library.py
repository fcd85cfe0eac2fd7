"""The C library as ``write_library`` writes it, compiled and called; and networks that use every kernel."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_engine.embed import write_library
from tests.helpers.embedded import CC, WARNINGS, run
from tests.helpers.kernel_cases import Network, seeded

OK, NOT_FINITE, NO_MEMORY, BAD_IMAGE, NO_FILE, BAD_PLAN, OTHER_VERSION, NO_ISA, BAD_ARGUMENT = range(9)
COPY, NO_DIGEST = 1, 2
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "api_version": (ctypes.c_int, []),
    "version": (ctypes.c_char_p, []),
    "message": (ctypes.c_char_p, [ctypes.c_int]),
    "open": (ctypes.c_int, [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint, _POINTER, ctypes.c_char_p, _SIZE]),
    "open_memory": (ctypes.c_int, [_POINTER, _SIZE, ctypes.c_char_p, ctypes.c_uint, _POINTER, ctypes.c_char_p, _SIZE]),
    "close": (None, [_POINTER]),
    **{name: (ctypes.c_char_p, [_POINTER]) for name in ("name", "isa", "precision")},
    **{name: (_SIZE, [_POINTER]) for name in ("input_size", "output_size", "label_count", "context_size")},
    "input_shape": (None, [_POINTER, _POINTER]),
    "output_shape": (ctypes.c_int, [_POINTER, _POINTER]),
    "label": (ctypes.c_char_p, [_POINTER, _SIZE]),
    "init": (_POINTER, [_POINTER, _POINTER, _SIZE]),
    "context_new": (_POINTER, [_POINTER]),
    "context_free": (None, [_POINTER]),
    "run": (ctypes.c_int, [_POINTER, _POINTER, _POINTER]),
    "prepare_size": (_SIZE, [_POINTER, ctypes.c_int, ctypes.c_int]),
    "prepare": (ctypes.c_int, [_POINTER, _POINTER, *[ctypes.c_int] * 3, _POINTER, _SIZE, _POINTER]),
}


def objects_of(
    folder: Path,
    isa: Sequence[str],
    flags: Sequence[str],
    compiler: Sequence[str] = CC,
    kernel_flags: Sequence[str] | None = None,
) -> list[Path]:
    """Compile the library in ``folder`` by the lines of its README, for the instruction sets ``isa`` alone, with
    ``flags`` instead of -O3, or ``kernel_flags`` for the kernels where they are given; its objects."""
    lines = re.findall(r"^    (cc .* -c .*)$", (folder / "README.md").read_text(), re.MULTILINE)
    others = set(re.findall(r"-DLCNN_WITH_(\w+)=1", lines[0])) - set(isa)
    left_out = {"-O3", "cc", *(f"-DLCNN_WITH_{name}=1" for name in others)}
    objects: list[Path] = []
    for line in lines:
        words = [word for word in shlex.split(line) if word not in left_out]
        sources = [word for word in words if word.endswith(".c")]
        are_kernels = Path(sources[0]).parent.name == "variants"
        if are_kernels and Path(sources[0]).stem not in isa:
            continue
        chosen = kernel_flags if are_kernels and kernel_flags is not None else flags
        run([*compiler, *chosen, *WARNINGS, *words], folder)
        objects += [folder / f"{Path(source).stem}.o" for source in sources]
    return objects


class Library:
    """The shared library, for the instruction sets ``isa``."""

    def __init__(self, folder: Path, isa: Sequence[str], flags: Sequence[str] = ("-O1",)) -> None:
        write_library(folder)
        objects = objects_of(folder, isa, flags)
        self.path = folder / "liblcnn.so"
        run([*CC, "-shared", "-Wl,-soname,liblcnn.so.1", "-o", self.path, *objects, "-lm"], folder)
        (folder / "liblcnn.so.1").symlink_to(self.path.name)
        library = ctypes.CDLL(str(self.path))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, f"lcnn_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def opened(self, source: str | os.PathLike[str] | bytes, isa: str | None = None, flags: int = 0) -> OpenPlan:
        """Open a file, or its bytes, that must be a plan."""
        status, plan, why = self.try_to_open(source, isa, flags)
        assert status == OK, why
        assert plan is not None
        return OpenPlan(self, plan)

    def try_to_open(
        self, source: str | os.PathLike[str] | bytes, isa: str | None = None, flags: int = 0
    ) -> tuple[int, int | None, str]:
        """Open a file, or its bytes; the status, the plan, and why there is none."""
        plan, why, call = ctypes.c_void_p(123), ctypes.create_string_buffer(256), self.__dict__
        chosen = isa.encode() if isa else None
        if isinstance(source, bytes):
            arguments = [source, len(source), chosen, flags | COPY]
            status = call["open_memory"](*arguments, ctypes.byref(plan), why, len(why))
        else:
            status = call["open"](os.fsencode(source), chosen, flags, ctypes.byref(plan), why, len(why))
        assert (plan.value is None) == (status != OK)
        return status, plan.value, why.value.decode()


class OpenPlan:
    """An open plan; ``close`` it, or leave it to the end of the process."""

    def __init__(self, library: Library, plan: int) -> None:
        self.call: dict[str, Any] = library.__dict__
        self.plan = plan
        shape = (ctypes.c_int64 * 3)()
        self.call["input_shape"](plan, shape)
        self.shape = tuple(shape)
        rank = self.call["output_shape"](plan, shape)
        self.output_shape = tuple(shape)[:rank]
        self.isa, self.precision = (self.call[name](plan).decode() for name in ("isa", "precision"))

    def labels(self) -> list[str]:
        return [self.call["label"](self.plan, i).decode() for i in range(self.call["label_count"](self.plan))]

    def run(self, x: np.ndarray, context: int | None = None) -> tuple[int, np.ndarray]:
        """Run one input, in a context of its own where none is given; the status and the result."""
        output = np.full(self.output_shape, np.nan, np.float32)
        used = context or self.call["context_new"](self.plan)
        status = self.call["run"](used, x.ctypes.data, output.ctypes.data)
        if context is None:
            self.call["context_free"](used)
        return status, output

    def prepare(self, pixels: np.ndarray) -> tuple[int, np.ndarray]:
        """Make pixels (H, W, C) of 8 bits an input; the status and the input."""
        height, width, channels = pixels.shape
        size = self.call["prepare_size"](self.plan, width, height)
        memory, x = np.empty(size + 1, np.uint8), np.full(self.shape, np.nan, np.float32)
        status = self.call["prepare"](
            self.plan, pixels.ctypes.data, width, height, channels, memory[1:].ctypes.data, size, x.ctypes.data
        )
        return status, x

    def close(self) -> None:
        self.call["close"](self.plan)


def lookups(precision: str) -> Network:
    """Lookups of all kinds, with and without a dictionary, and what brings their input into planes."""
    network = Network((21, 23, 6), seeded("library", precision), k=8, density=0.4)
    network.add(
        "lookup_conv2d", filters=18, kernel_size=(3, 3), strides=(2, 2), padding=(1, 1, 1, 1), activation="relu"
    )
    network.add("lookup_conv2d", filters=20, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="elu", alpha=0.5)
    network.groups_of, network.atoms_of = 10, 2
    network.add("lookup_conv2d", filters=20, kernel_size=(3, 3), strides=(2, 2), activation="relu")
    network.k, network.groups_of = 0, 1
    network.add("lookup_conv2d", filters=9, kernel_size=(2, 2), padding=(0, 0, 1, 0))
    network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
    network.add("flatten")
    network.add("lookup_dense", units=40, activation="tanh")
    network.k = 7
    network.add("lookup_dense", units=19)
    network.add("log_softmax")
    return network


def convolutions(precision: str) -> Network:
    """Dense convolutions of all kinds, pools and dense layers."""
    network = Network((40, 42, 3), seeded("library", precision))
    network.add("conv2d", filters=18, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2), padding=(0, 1, 0, 1))
    network.add("conv2d", filters=20, kernel_size=(5, 5), strides=(2, 2), padding=(2, 2, 2, 2), activation="gelu")
    network.add("conv2d", filters=20, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    network.add("conv2d", filters=40, kernel_size=(3, 3), groups=20, padding=(1, 1, 1, 1))
    network.add("conv2d", filters=18, kernel_size=(2, 3), groups=2, dilation=(2, 1))
    network.add("avg_pool2d", pool_size=(3, 2), strides=(3, 3), padding=(1, 1, 0, 0))
    network.add("flatten")
    network.add("dense", units=150, activation="relu")
    network.add("dense", units=11)
    network.add("softmax")
    return network


def maps(precision: str) -> Network:
    """All that looks at places, pixels and planes, and moves them."""
    network = Network((10, 12, 8), seeded("library", precision))
    network.add("batch_norm")
    network.add("prelu")
    network.add("lrn", depth_radius=2, bias=1.0, alpha=0.1, beta=0.75)
    network.add("layer_norm", epsilon=1e-5)
    first = network.add("group_norm", epsilon=1e-5, groups=4)
    constant = network.add("constant", shape=(10, 12, 8))
    for op in ("add", "multiply", "subtract", "divide", "maximum", "minimum"):
        network.add(op, first, constant)
        first = network.nodes[-1].name
    one, most = network.add("channel_mean", first), network.add("channel_max", first)
    less = network.add("subtract", one, first)
    shares = network.add("divide", less, network.add_positive(one))
    network.add("divide", network.add_positive(one), network.add_positive(shares))
    network.add("add", network.nodes[-1].name, most)
    network.add("resize2d", size=(13, 9), method="bilinear")
    network.add("pad2d", padding=(1, 2, 2, 1), mode="reflect")
    network.add("depth_to_space", block_size=2)
    blocks = network.nodes[-1].name
    network.add("concat", blocks, network.add("activation", activation="mish"))
    shape = network.shapes[network.nodes[-1].name]
    image = network.add("reshape", shape=(shape[1], shape[0], shape[2]))
    network.add("concat", network.add("global_max_pool2d", image), network.add("global_avg_pool2d", image))
    network.add("softmax")
    return network


NETWORKS = (lookups, convolutions, maps)
