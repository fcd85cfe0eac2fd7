"""Every network of the registry, at its real widths on small images: it learns, and its file computes what it does.

The largest take minutes on two cores: they run where LCNN_SLOW=1 is set.
"""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from lcnn_engine import read_model
from lcnn_engine.analysis.cost import cost_of
from lcnn_train import export, verify
from lcnn_train.models import NETWORKS, build
from lcnn_train.reports.cost import count
from tests.helpers.training import DATA, calm_classifier, randomize

PNGS = sorted((DATA / "digits").glob("*.png"))[:32]
SIZES = {"alexnet": 67, "lenet": 28, "resnet8": 16, "resnet20": 16}  # of other ResNets 64: the last stage has pixels
STEPS = {"alexnet": 30, "lenet": 15, "resnet10": 15, "resnet18": 30, "resnet34": 40, "resnet50": 60}
STEPS |= {"resnet8": 40, "resnet20": 60}
QUICK_TO_LEARN = {("alexnet", "fast"), ("lenet", "fast"), ("lenet", "dense"), ("resnet10", "fast"), ("resnet8", "fast")}
QUICK_TO_EXPORT = {
    ("lenet", "fast"),
    ("lenet", "accurate"),
    ("lenet", "dense"),
    ("resnet10", "fast"),
    ("resnet18", "fast"),
    ("resnet18", "dense"),
    ("resnet34", "fast"),
    ("resnet50", "fast"),
    ("resnet8", "fast"),
    ("resnet20", "fast"),
}


def every_network(quick):
    """All networks and variants; those that are not `quick` only where LCNN_SLOW is set."""
    slow = pytest.mark.skipif(not os.environ.get("LCNN_SLOW"), reason="takes long: set LCNN_SLOW=1")
    return [
        pytest.param(name, variant, marks=() if (name, variant) in quick else slow)
        for name, network in NETWORKS.items()
        for variant in network.variants
    ]


def real_digits(size, channels, count=32):
    """Real digits, float32 (count, size, size, channels), and their labels; the channels differ by a shift."""
    images = [Image.open(path).convert("L").resize((size, size), Image.Resampling.BILINEAR) for path in PNGS[:count]]
    x = np.stack([np.asarray(image, np.float32) for image in images])[..., None] / 255 - 0.13
    labels = np.array([int(Path(path).stem[-1]) for path in PNGS[:count]])
    return np.concatenate([np.roll(x, 3 * c, axis=2) for c in range(channels)], axis=-1), labels


@pytest.mark.parametrize(("name", "variant"), every_network(QUICK_TO_LEARN))
def test_overfits_32_images(name, variant):
    """In STEPS of Adam at 1e-3 on 32 real digits, evaluated as in inference: at least 95% right.

    The norms' averages have a momentum of 0.5, or they would lag behind so few steps.
    """
    model = build(name, variant=variant, channels=1, classes=10, batch_norm_momentum=0.5, input_size=_smallest(name))
    adam = keras.optimizers.Adam(1e-3)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    x, labels = real_digits(_smallest(name), 1)
    history = model.fit(x, labels, batch_size=32, epochs=STEPS[name], verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.evaluate(x, labels, verbose=0)[1] >= 0.95


def _smallest(name):
    return {"lenet": 28, "resnet8": 16, "resnet20": 16}.get(name, NETWORKS[name].min_input_size)


@pytest.mark.parametrize(("name", "variant"), every_network(QUICK_TO_EXPORT))
def test_the_file_computes_what_keras_does(name, variant, tmp_path):
    """At random P of 5% density, at every node, within 1e-5; and it costs and weighs what was counted before."""
    size, channels = SIZES.get(name, 64), 1 if name == "lenet" else 3
    keras.utils.set_random_seed(0)
    model = build(name, variant=variant, channels=channels, classes=10, input_size=size)
    randomize(model, 0.05)
    x = real_digits(size, channels, count=2)[0]
    calm_classifier(model, x)
    path = tmp_path / "model.safetensors"
    export(model, path)
    found = verify(model, path, x)
    assert found.worst.ratio <= 1e-5
    assert all(node.largest > 0 for node in found.nodes)
    graph, tensors = read_model(path)
    assert [node.name for node in found.nodes] == [node.name for node in graph.nodes]
    written = [cost for cost in cost_of(graph, tensors) if cost.weights]
    counted = count(model)
    assert [cost.name for cost in counted] == [cost.name for cost in written]
    # At this density a 1x1 convolution may leave an atom unused, which is not written.
    same = [own == theirs for own, theirs in zip(counted, written, strict=True) if own.atoms == theirs.atoms]
    assert all(same)
    assert len(same) >= 0.9 * len(counted)
