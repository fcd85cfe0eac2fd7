"""The networks that benchmarks run: seeded, one function each, and ``WORKLOADS``, the registry of all.

    python -m benchmarks.networks.workloads alexnet-lcnn-fast /tmp/fast.safetensors

Lookups lie at random positions, at the densities that tf-lcnn published for its MNIST networks at 224x224. Speed does
not depend on the values of weights, but for the zeros after relu, whose weights the next dense layer never reads:
random weights leave half of all values. In the lookup AlexNets fc7's biases are lowered so that it leaves 30%: the
trained network in ``weights/`` leaves 22% of fc7 on real digits (47% of fc6, 36 to 43% of the convolutions). Their
weights are rounded to float16, in which every configuration of ours exports; all sums are of float32.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from lcnn_engine.model import graph as g

from .builder import UNSTRUCTURED, NetBuilder, Structure, Tensors, as_stored
from .mobile import efficientnet_lite0, mobilenet_v2, same

Network = tuple[g.Graph, Tensors]

IMAGE = (224, 224, 3)
CLASSES = 1000
FAST_ATOMS = (3, 30, 30, 30, 30, 512, 512)
FAST_DENSITIES = (0.083, 0.034, 0.008, 0.013, 0.027, 0.001, 0.002)
ACCURATE_ATOMS = (3, 500, 500, 500, 30, 1024, 1024)
ACCURATE_DENSITIES = (0.129, 0.040, 0.029, 0.034, 0.071, 0.006, 0.007)
NARROW = (64, 192, 384, 256, 256)  # AlexNet as LCNN uses it
WIDE = (96, 256, 384, 384, 256)  # the LCNN paper's dense baseline, ungrouped
STAGES = (64, 128, 256, 512)

# Kernel, stride, padding and the max pool after it, of AlexNet's seven layers before the classifier.
ALEXNET_LAYERS = (
    (11, 4, 2, True), (5, 1, 2, True), (3, 1, 1, False), (3, 1, 1, False), (3, 1, 1, True), (6, 1, 0, False),
    (1, 1, 0, False),
)  # fmt: skip
ALEXNET_NAMES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")


def _alexnet(
    name: str,
    widths: Sequence[int],
    atoms: Sequence[int] | None = None,
    densities: Sequence[float] = (),
    lowered: float = 0.0,
    structure: Structure = UNSTRUCTURED,
) -> Network:
    """Make AlexNet of five convolutions of ``widths``; with ``atoms``, all layers but the classifier are lookup layers.

    ``lowered``: what is taken off fc7's biases.
    """
    net = NetBuilder(name, IMAGE, structure=structure)
    for number, (layer, (kernel, stride, padding, pooled)) in enumerate(
        zip(ALEXNET_NAMES, ALEXNET_LAYERS, strict=True)
    ):
        filters = widths[number] if number < 5 else 4096
        if atoms is None:
            net.conv(layer, filters, kernel, stride, padding)
        else:
            net.lookup_conv(layer, filters, kernel, stride, padding, atoms=atoms[number], density=densities[number])
            if layer == "fc7":
                net.tensors["fc7/bias"] -= np.float32(lowered)
        if pooled:
            net.max_pool(f"pool{number + 1}", 3, 2)
    _classifier(net, flatten=True)
    if atoms is not None:
        net.round_to_fp16()
    return net.finish()


def _classifier(net: NetBuilder, flatten: bool) -> None:
    if flatten:
        net.add("flatten", "flatten")
    net.dense("logits", CLASSES)
    net.add("softmax", "probabilities")


def alexnet_lcnn_fast(name: str = "alexnet-lcnn-fast", structure: Structure = UNSTRUCTURED) -> Network:
    """Make AlexNet-LCNN with small dictionaries: 10.1 million lookup multiplications."""
    return _alexnet(name, NARROW, FAST_ATOMS, FAST_DENSITIES, 0.2, structure)


def alexnet_lcnn_accurate(name: str = "alexnet-lcnn-accurate", structure: Structure = UNSTRUCTURED) -> Network:
    """Make AlexNet-LCNN with large dictionaries, tf-lcnn's (one of 30 atoms among those of 500)."""
    return _alexnet(name, NARROW, ACCURATE_ATOMS, ACCURATE_DENSITIES, 1.7, structure)


def alexnet_dense() -> Network:
    """Make the dense equivalent of both AlexNet-LCNNs."""
    return _alexnet("alexnet-dense", NARROW)


def alexnet_dense_wide() -> Network:
    """Make the paper's dense AlexNet, from which it counts its speed-ups."""
    return _alexnet("alexnet-dense-wide", WIDE)


# The body of ResNet-18: what a 3x3 (or the first, 7x7) convolution is made of.
Layer = Callable[..., str]


def _resnet18(
    name: str, first: Layer, convolution: Callable[[int], Layer], structure: Structure = UNSTRUCTURED
) -> Network:
    """Make ResNet-18, batch norm folded. ``convolution(stage)`` makes the layers of a stage; shortcuts are dense."""
    net = NetBuilder(name, IMAGE, structure=structure)
    first(net, "conv1", 64, 7, 2, 3)
    net.max_pool("pool1", 3, 2, 1)
    for stage, filters in enumerate(STAGES):
        for block in range(2):
            stride = 2 if stage and not block else 1
            _block(net, f"stage{stage + 1}.block{block + 1}", filters, stride, convolution(stage))
    net.add("global_avg_pool2d", "features")
    _classifier(net, flatten=False)
    return net.finish()


def _block(net: NetBuilder, name: str, filters: int, stride: int, layer: Layer) -> None:
    """Append two 3x3 convolutions and a shortcut. The second is weak, so that sums do not grow from block to block."""
    source = net.last
    layer(net, f"{name}.conv1", filters, 3, stride, 1)
    main = layer(net, f"{name}.conv2", filters, 3, 1, 1, activation="linear", gain=0.5)
    if stride > 1:
        source = net.conv(f"{name}.shortcut", filters, 1, stride, source=source, activation="linear", gain=0.7)
    net.add("add", f"{name}.sum", main, source, activation="relu")


def _lookup_layer(atoms: int | None, density: float) -> Layer:
    return lambda net, *shape, **how: net.lookup_conv(*shape, atoms=atoms, density=density, **how)


def resnet18_dense() -> Network:
    """Make ResNet-18, dense."""
    return _resnet18("resnet18-dense", NetBuilder.conv, lambda stage: NetBuilder.conv)


def _resnet18_lookup(name: str, atoms: Sequence[int], structure: Structure = UNSTRUCTURED) -> Network:
    density = 0.05
    return _resnet18(name, _lookup_layer(3, density), lambda stage: _lookup_layer(atoms[stage], density), structure)


def resnet18_lookup_fast() -> Network:
    """Make ResNet-18 with dictionaries of 16, 32, 64, 128 atoms at density 0.05."""
    return _resnet18_lookup("resnet18-lookup-fast", (16, 32, 64, 128))


def resnet18_lookup_accurate(name: str = "resnet18-lookup-accurate", structure: Structure = UNSTRUCTURED) -> Network:
    """Make ResNet-18 with dictionaries of 128, 256, 512, 1024 atoms at density 0.05."""
    return _resnet18_lookup(name, (128, 256, 512, 1024), structure)


def resnet18_pruned(name: str = "resnet18-pruned", structure: Structure = UNSTRUCTURED) -> Network:
    """Make ResNet-18 without dictionaries: a tenth of every kernel's weights."""
    return _resnet18(name, _lookup_layer(None, 0.1), lambda stage: _lookup_layer(None, 0.1), structure)


def small_lookup() -> Network:
    """Make a lookup network for 28x28 grey images and ten classes."""
    net = NetBuilder("small-lookup", (28, 28, 1))
    net.lookup_conv("conv1", 32, 5, 1, 2, atoms=1, density=0.5)
    net.max_pool("pool1", 2, 2)
    net.lookup_conv("conv2", 64, 5, 1, 2, atoms=16, density=0.05)
    net.max_pool("pool2", 2, 2)
    net.add("flatten", "flatten")
    net.lookup_dense("fc3", 128, atoms=64, density=0.05)
    net.dense("logits", 10)
    net.add("softmax", "probabilities")
    return net.finish()


def cnn28(name: str = "cnn28", width: float = 1.0, density: float | None = None) -> Network:
    """Make the network of 28x28 grey images that a user would train first: four 3x3 convolutions and a mean.

    ``width``: its filters as a part of 32, 64, 64, 128. With ``density``, all convolutions but the first are pruned.
    """
    net = NetBuilder(name, (28, 28, 1))
    for number, (filters, stride) in enumerate(((32, 2), (64, 1), (64, 2), (128, 1)), 1):
        shape = (f"conv{number}", round(width * filters), 3, stride, same(3, stride))
        if density is None or number == 1:
            net.conv(*shape)
        else:
            net.lookup_conv(*shape, atoms=None, density=density)
    net.add("global_avg_pool2d", "features")
    net.dense("logits", 10)
    net.add("softmax", "probabilities")
    return net.finish()


WORKLOADS: dict[str, Callable[[], Network]] = {
    "alexnet-lcnn-fast": alexnet_lcnn_fast,
    "alexnet-lcnn-accurate": alexnet_lcnn_accurate,
    "alexnet-dense": alexnet_dense,
    "alexnet-dense-wide": alexnet_dense_wide,
    "resnet18-dense": resnet18_dense,
    "resnet18-lookup-fast": resnet18_lookup_fast,
    "resnet18-lookup-accurate": resnet18_lookup_accurate,
    "resnet18-pruned": resnet18_pruned,
    "small-lookup": small_lookup,
    "cnn28": cnn28,
    "cnn28-half": partial(cnn28, "cnn28-half", 1 / 2),
    "cnn28-quarter": partial(cnn28, "cnn28-quarter", 1 / 4),
    "cnn28-pruned": partial(cnn28, "cnn28-pruned", density=0.1),
    "efficientnet-lite0": efficientnet_lite0,
    "mobilenet-v2": mobilenet_v2,
}
"""Those with lookups in groups of 16 filters, ``-16``, and in pairs of atoms besides, ``-16x2``, have as many."""

STRUCTURES = {"-16": Structure(16), "-16x2": Structure(16, 2)}
_STRUCTURED: dict[str, Callable[[str, Structure], Network]] = {
    "alexnet-lcnn-fast": alexnet_lcnn_fast,
    "alexnet-lcnn-accurate": alexnet_lcnn_accurate,
    "resnet18-lookup-accurate": resnet18_lookup_accurate,
    "resnet18-pruned": resnet18_pruned,
}
WORKLOADS |= {
    base + suffix: partial(make, base + suffix, structure)
    for base, make in _STRUCTURED.items()
    for suffix, structure in STRUCTURES.items()
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.networks.workloads", description="Write a workload as a model file."
    )
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("path", type=Path)
    options = parser.parse_args(arguments)
    from lcnn_engine import write_model

    graph, tensors = WORKLOADS[options.workload]()
    try:
        write_model(graph, as_stored(tensors), options.path)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
