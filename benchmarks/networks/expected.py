"""What the NumPy definitions say of an image, kept beside the model files: a large network takes them seconds.

A lower precision cannot be held to its definition by the output alone: a sum in float32 may lie on the other side of a
middle, and is rounded the other way, which the layers after it carry on. So ``verified`` judges node by node.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import lcnn_engine
from lcnn_engine import model
from lcnn_engine.cli.verify import FUSED, compare
from lcnn_engine.kernels import usable_variants
from lcnn_engine.model.reference import evaluate
from lcnn_engine.plan import Plan

from . import model_files
from .model_files import digest_of, network

ENGINE = Path(lcnn_engine.__file__).parent
CARRIED = 4.0  # times what is allowed at one node: values on the other side of a middle, over all layers
KERNELS = sorted(ENGINE.rglob("*.so"))
DEFINITIONS = [Path(model.__file__).parent]


def expected(name: str, image: np.ndarray) -> np.ndarray:
    """Compute a network's result for an image, float32 (H, W, C), by the definition of float32."""
    path = model_files.CACHE / "expected" / f"{_key(name, image, DEFINITIONS)}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        graph, tensors = network(name)
        partial = path.with_name(f"{os.getpid()}.{path.name}")
        np.save(partial, evaluate(graph, tensors, image)[graph.output])
        partial.replace(path)
    return np.load(path)


class Verified(NamedTuple):
    """What the engine in this process makes of an image: its output, and how far that is off the definition."""

    output: np.ndarray
    difference: float
    """Of the output, the largest distance from the definition, as a share of its largest number."""
    share: float
    """The largest distance of any node, as a share of what rounding can do there, and that node; of the output as it
    is predicted, a share of ``CARRIED`` times that."""
    node: str


def verified(name: str, image: np.ndarray, precision: str) -> Verified:
    """Hold every node of the engine's best kernels to the definition, as ``lcnn verify`` does."""
    path = model_files.CACHE / "verified" / f"{_key(name, image, [ENGINE, *KERNELS], precision)}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{os.getpid()}.{path.name}")
        with partial.open("wb") as file:
            np.savez(file, **_verified(name, image, precision)._asdict())
        partial.replace(path)
    with np.load(path) as found:
        return Verified(found["output"], float(found["difference"]), float(found["share"]), str(found["node"]))


def _verified(name: str, image: np.ndarray, precision: str) -> Verified:
    graph, tensors = network(name)
    variant = usable_variants()[0]
    nodes = compare(graph, tensors, image[None], [variant], 1, precision)
    shares = {node: one.shares[variant] / (CARRIED if node == FUSED else 1.0) for node, one in nodes.items()}
    worst = max(shares, key=shares.__getitem__)
    plan = Plan(graph, tensors, variant=variant, precision=precision)
    output = np.empty((1, *plan.output_shapes[0]), np.float32)
    plan.run(np.ascontiguousarray(image)[None], [output], 1)
    return Verified(output[0], nodes[FUSED].differences[variant], shares[worst], worst)


def _key(name: str, image: np.ndarray, code: Sequence[Path], precision: str = "float32") -> str:
    digest = digest_of(name.partition(":")[0], code)
    digest.update(f"{name} in {precision}".encode())
    digest.update(hashlib.sha256(np.ascontiguousarray(image)).digest())
    return digest.hexdigest()[:32]
