"""When a layer whose weights are mostly zeros runs faster as lookups: the times behind sparsity.py of onnx_import.

python docs/measure_sparse_layers.py    # five minutes on one core

Single layers of random weights, some of them zero, as a dense layer and as a pruned one, in turn; of each the shortest
of RUNS times. Prints, for each layer and density, the time of a lookup in multiplications of the dense layer, and the
density at which both take as long.
"""

from __future__ import annotations

import time

import numpy as np

from lcnn_engine import Graph, Net
from lcnn_engine.interop.onnx_import.sparsity import as_lookups
from lcnn_engine.model.graph import Conv2D, Dense, Flatten, Input

RUNS = 25
DENSITIES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
CONVOLUTIONS = (  # height and width, channels, filters, kernel, stride
    (112, 16, 32, 3, 1), (56, 64, 64, 3, 1), (56, 64, 64, 3, 2), (28, 128, 128, 3, 1), (14, 256, 256, 3, 1),
    (14, 256, 256, 3, 2), (7, 512, 512, 3, 1), (224, 3, 64, 7, 2), (28, 32, 64, 5, 1), (56, 64, 256, 1, 1),
    (28, 256, 128, 1, 1), (14, 512, 512, 1, 1), (7, 1024, 256, 1, 1), (28, 16, 16, 3, 1), (14, 32, 32, 3, 1),
)  # fmt: skip
MATRICES = ((128, 10), (1024, 1000), (4096, 1000), (9216, 4096))


def main() -> None:
    rng = np.random.default_rng(0)
    print("| layer | " + " | ".join(f"{density:g}" for density in DENSITIES) + " | as long at |")
    print("| --- |" + " ---: |" * (len(DENSITIES) + 1))
    for size, channels, filters, kernel, stride in CONVOLUTIONS:
        shape = (size, size, channels)
        node = Conv2D(
            name="layer", inputs=("x",), filters=filters, kernel_size=(kernel, kernel), strides=(stride, stride),
            padding=((kernel - 1) // 2,) * 4,
        )  # fmt: skip
        report(f"{kernel}x{kernel}/{stride} {size}x{size}x{channels} -> {filters}", node, shape,
               rng.standard_normal((filters, channels, kernel, kernel), dtype=np.float32))  # fmt: skip
    for inputs, units in MATRICES:
        node = Dense(name="layer", inputs=("x",), units=units)
        report(f"dense {inputs} -> {units}", node, (inputs,), rng.standard_normal((units, inputs), dtype=np.float32))


def report(title: str, node: Conv2D | Dense, shape: tuple[int, ...], weights: np.ndarray) -> None:
    """Print a line of the table."""
    costs, ratios = [], []
    for density in DENSITIES:
        pruned = np.where(np.random.default_rng(1).random(weights.shape) < density, weights, np.float32(0))
        dense, lookups = times(node, shape, pruned)
        costs.append(lookups / dense * pruned.size / np.count_nonzero(pruned))
        ratios.append(lookups / dense)
    even = np.exp(np.interp(0.0, np.log(ratios), np.log(DENSITIES)))
    print(f"| {title} | " + " | ".join(f"{cost:.2f}" for cost in costs) + f" | {even:.2f} |", flush=True)


def times(node: Conv2D | Dense, shape: tuple[int, ...], kernel: np.ndarray) -> tuple[float, float]:
    """The shortest time of the dense layer and of the pruned one, in seconds, run in turn."""
    tensors = {"layer/kernel": kernel}
    found = dict(tensors)
    pruned = as_lookups(node, ("x",), found)
    nets = []
    for each, weights in ((node, tensors), (pruned, found)):
        head = () if len(shape) == 3 else (Flatten(name="x", inputs=("image",)),)
        first = Input("x" if len(shape) == 3 else "image", shape if len(shape) == 3 else (1, 1, *shape))
        nets.append(Net(Graph(name="layer", input=first, output="layer", nodes=(*head, each)), weights, threads=1))
    x = np.random.default_rng(2).standard_normal(nets[0].input_shape, dtype=np.float32)
    best = [np.inf, np.inf]
    for _ in range(RUNS):
        for i, net in enumerate(nets):
            before = time.perf_counter()
            net.run(x)
            best[i] = min(best[i], time.perf_counter() - before)
    return best[0], best[1]


if __name__ == "__main__":
    main()
