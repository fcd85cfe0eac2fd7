"""Model files of every network in every engine's format, made once and kept in ``benchmarks/.cache``.

``python -m benchmarks.networks.model_files NETWORK SUFFIX FILE`` makes one, in a process of its own: converters
need a framework and gigabytes. A file is named after what it is made of (the model file's bytes, or the code that
makes the workload, and the code that converts), so a change of either makes a new one.

A network is a workload's name, ``shipped-0.1`` (the trained network of the first version, whatever is in ``weights/``
now), or a model file's path, absolute or from the clone's root, and maybe one of these after a colon:

- ``dense-equivalent``: every lookup layer replaced by a dense one of the same shape, with random weights;
- ``multiplied-out``: every lookup layer as the one dense layer that it stands for, with P·D for its kernel;
- ``two-convolutions``: every lookup layer as the two dense convolutions of the paper's formula, D and then P.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lcnn_engine import interop
from lcnn_engine.interop.dense import GraphAndTensors, dense_equivalent, two_layer_equivalent

from ..utils.machine import ROOT
from .dense_equivalents import random_dense_equivalent
from .workloads import WORKLOADS

NETWORKS = Path(__file__).parent
CACHE = ROOT / "benchmarks" / ".cache"
INTEROP = Path(interop.__file__).parent
OWN = ("workloads.py", "mobile.py", "builder.py", "dense_equivalents.py")
SOURCES = [*(NETWORKS / name for name in OWN), INTEROP]
TRANSFORMS: dict[str, Callable[..., GraphAndTensors]] = {
    "dense-equivalent": random_dense_equivalent,
    "multiplied-out": dense_equivalent,
    "two-convolutions": two_layer_equivalent,
}
CONVERTERS = {
    "onnx": (INTEROP, "onnx"),
    "tflite": (NETWORKS / "tensorflow_graph.py", "tensorflow"),
    "int8.tflite": (NETWORKS / "tensorflow_graph.py", "tensorflow"),
    "savedmodel": (NETWORKS / "tensorflow_graph.py", "tensorflow"),
}
"""Suffix -> our module or package, and the distribution, that write such files."""

KEY = 12  # characters of a file's name that say what it was made of

SHIPPED = "shipped-0.1"
SHIPPED_FILE = NETWORKS / "shipped-0.1.safetensors"  # not there as long as the same file is in ``weights/``
SHIPPED_SHA256 = "5ecbb8ae2e0d5104c8019ab9df81f2ab57273ec4a648ffb0d86a7d74ad7ae629"


class ConversionError(Exception):
    """A model file could not be made; the message says why."""


@cache
def shipped() -> Path:
    """Find the file of ``shipped-0.1``. Raises FileNotFoundError."""
    for path in (*sorted((ROOT / "weights").glob("*.safetensors")), SHIPPED_FILE):
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHIPPED_SHA256:
            return path
    raise FileNotFoundError(
        f"expected the network of version 0.1 in weights/ or as {SHIPPED_FILE}, found no file with the SHA-256 "
        f"{SHIPPED_SHA256}; git has it in the history of weights/mnist-alexnet-lcnn-fast.safetensors"
    )


def _source_file(source: str) -> Path:
    return shipped() if source == SHIPPED else ROOT / source


def network(name: str) -> GraphAndTensors:
    """Make or read the graph and tensors of a network."""
    from lcnn_engine import read_model

    source, _, transform = name.partition(":")
    found = WORKLOADS[source]() if source in WORKLOADS else read_model(_source_file(source))
    return TRANSFORMS[transform](*found) if transform else found


def model_file(name: str, suffix: str) -> Path:
    """Return the file of that network and format, made if it is not there. Raises ConversionError."""
    source, _, transform = name.partition(":")
    if suffix == "safetensors" and not transform and source not in WORKLOADS:
        return _source_file(source)
    own = f"{Path(source).name.removesuffix('.safetensors')}-{transform or 'plain'}"
    path = CACHE / f"{own}-{_key(source, suffix)}.{suffix}"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        for stale in CACHE.glob(f"{own}-{'?' * KEY}.{suffix}"):
            _remove(stale)
        partial = path.with_name(f"{os.getpid()}.{path.name}")
        _make_elsewhere(name, suffix, partial)
        partial.replace(path)
    return path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _key(source: str, suffix: str) -> str:
    module, package = CONVERTERS.get(suffix, (None, None))
    digest = digest_of(source, [module] if module else [])
    if package:
        digest.update(_version(package).encode())
    return digest.hexdigest()[:KEY]


def digest_of(source: str, code: Sequence[Path]) -> hashlib._Hash:
    """Return the digest of what a network is made of: its file, or the code that makes it, and of ``code`` besides."""
    sources = [*SOURCES, *code] if source in WORKLOADS else [*SOURCES, *code, _source_file(source)]
    digest = hashlib.sha256()
    for path in sources:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise ConversionError(f"its model is converted by {package}, which is not installed") from error


def _make_elsewhere(name: str, suffix: str, path: Path) -> None:
    print(f"making {path.name.partition('.')[2]}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.networks.model_files", name, suffix, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if done.returncode:
        _remove(path)
        raise ConversionError(" ".join(done.stderr.split())[-500:])


def stored_types(path: Path) -> str:
    """Return the types of number in a model file of ours, as its header lists them: ``F32, I32``."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return ", ".join(sorted({entry["dtype"] for name, entry in header.items() if name != "__metadata__"}))


def make(name: str, suffix: str, path: Path) -> None:
    """Write the model file."""
    graph, tensors = network(name)
    if suffix == "safetensors":
        from lcnn_engine import write_model

        from .builder import as_stored

        write_model(graph, as_stored(tensors), path)
    elif suffix == "onnx":
        from .onnx_graph import onnx_model

        path.write_bytes(onnx_model(graph, tensors, batch="N"))
    else:
        from .tensorflow_graph import TensorFlowNet

        net = TensorFlowNet(graph, tensors)
        if suffix == "savedmodel":
            net.save(path)
        else:
            path.write_bytes(net.litert(int8=suffix == "int8.tflite"))


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
