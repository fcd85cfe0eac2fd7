"""``examples/prefork.py``: workers that are forked share the weights."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lcnn_engine import write_model
from lcnn_engine.model.graph import Dense, Flatten, Preprocessing, Resize, Softmax
from tests.helpers.deploy_page import DIGITS, Clone, answers, label_of
from tests.helpers.networks import chain, with_tensors

OWN = re.compile(r"^process \d+: (\d+) pictures, (\d+) MiB of its own$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc")


def test_as_printed(clone: Clone) -> None:
    output = clone.output("examples/prefork.py")
    found = answers(output)
    assert len(found) == len(DIGITS)
    assert sum(label_of(picture) == label for picture, label in found.items()) >= 58
    assert sum(int(pictures) for pictures, _ in OWN.findall(output)) == len(DIGITS)


def test_weights_are_there_once(clone: Clone) -> None:
    """A network of 128 MiB, which each worker has run."""
    nodes = [
        Flatten(name="flat", inputs=("image",)),
        Dense(name="fc1", inputs=("flat",), units=4096, activation="relu"),
        Dense(name="fc2", inputs=("fc1",), units=4096),
        Softmax(name="probabilities", inputs=("fc2",)),
    ]
    preprocessing = Preprocessing("L", (0.0,), (1.0,), 1 / 255, Resize("exact", (64, 64), "bilinear"))
    graph, tensors = with_tensors(chain(nodes, (64, 64, 1), preprocessing=preprocessing))
    write_model(graph, tensors, clone.folder / "large.safetensors")
    done = clone.run("python examples/prefork.py large.safetensors tests/data/digits/000*.png")
    found = OWN.findall(done.stdout)
    assert sum(int(pictures) for pictures, _ in found) == 10, done.stderr
    assert all(int(mebibytes) < 32 for _, mebibytes in found)
