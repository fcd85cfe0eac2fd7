"""What the NumPy definitions say of an image, kept beside the model files: a large network takes them seconds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from lcnn_engine import model
from lcnn_engine.model.precision import evaluate
from lcnn_engine.plan import folding

from . import model_files
from .model_files import digest_of, network

DEFINITIONS = [Path(package.__file__).parent for package in (model, folding)]


def expected(name: str, image: np.ndarray, precision: str) -> np.ndarray:
    """Compute a network's result for an image, float32 (H, W, C), as ``precision`` defines it.

    What is rounded depends on what a plan folds, so others than float32's are of the folded network.
    """
    path = model_files.CACHE / "expected" / f"{_key(name, image, precision)}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        graph, tensors = network(name)
        if precision != "float32":
            graph, tensors = folding.fold(graph, tensors, [graph.output])
        partial = path.with_name(f"{os.getpid()}.{path.name}")
        np.save(partial, evaluate(precision, graph, tensors, image)[graph.output])
        partial.replace(path)
    return np.load(path)


def _key(name: str, image: np.ndarray, precision: str) -> str:
    digest = digest_of(name.partition(":")[0], DEFINITIONS)
    digest.update(f"{name} in {precision}".encode())
    digest.update(hashlib.sha256(np.ascontiguousarray(image)).digest())
    return digest.hexdigest()[:32]
