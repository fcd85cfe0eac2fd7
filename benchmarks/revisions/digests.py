"""``python -m benchmarks.revisions.digests``: SHA-256 of the results of networks, computed in this process.

Reads a list of jobs as JSON from the standard input, each with the model file ``path``, the .npy file ``batch``, the
names of ``nodes`` and the numbers of ``threads``. Prints one JSON object: ``engine``, the folder that the engine was
imported from, ``isas``, the instruction sets that it has kernels for here, and ``results``, a list a job with the
digests of each number of threads. Uses only public names of the engine, since revisions differ in the others.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import lcnn_engine


def digest(result: np.ndarray) -> str:
    """Return the SHA-256 of an array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest()


def digests(path: str, batch: np.ndarray, nodes: list[str], threads: int) -> dict[str, Any]:
    """Return the digests of the first image's result, of the whole batch's and, node by node, of its features."""
    net = lcnn_engine.Net.load(path, threads=threads)
    features = net.features(batch[0], nodes)
    assert isinstance(features, dict)
    return {
        "image": digest(net.run(batch[0])),
        "batch": digest(net.run(batch)),
        "nodes": {name: digest(value) for name, value in features.items()},
    }


def main() -> None:
    results = [
        [digests(job["path"], np.load(job["batch"]), job["nodes"], threads) for threads in job["threads"]]
        for job in json.load(sys.stdin)
    ]
    facts = {"engine": str(Path(lcnn_engine.__file__).parent), "isas": lcnn_engine.kernel_info()["isa_available"]}
    print("\n" + json.dumps({**facts, "results": results}))


if __name__ == "__main__":
    main()
