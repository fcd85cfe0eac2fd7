"""The shipped models are those that weights/README.md describes, and keep what it promises."""

import hashlib
import math

import numpy as np
import pytest

from lcnn_engine import Net, read_model
from lcnn_train.config.experiment import load_config
from lcnn_train.data import idx
from lcnn_train.sources.evaluate import evaluate_file
from tests.helpers.training import DATA, SMALL

WEIGHTS = DATA.parent.parent / "weights"
FLAGSHIP = WEIGHTS / "mnist-alexnet-lcnn-fast.safetensors"
SIGNS = WEIGHTS / "sign-digits-resnet10-lcnn-pruned.safetensors"


def test_checksums():
    lines = (WEIGHTS / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    assert sorted(listed) == sorted(path.name for path in WEIGHTS.glob("*.safetensors"))
    for name, digest in listed.items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == digest
        assert digest in (WEIGHTS / "README.md").read_text()


def test_lookups_size_and_metadata():
    graph, tensors = read_model(FLAGSHIP)
    places = {name: math.prod(shape[:-1]) for name, shape in graph.shapes.items()}
    lookups = {name.split("/")[0]: len(t) for name, t in tensors.items() if name.endswith("/coefficients")}
    assert list(lookups) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert sum(count * places[name] for name, count in lookups.items()) == 1_120_527
    assert FLAGSHIP.stat().st_size < 16e6
    assert graph.input.shape == (224, 224, 1)
    assert graph.labels == tuple("0123456789")
    assert graph.preprocessing.mode == "L"


def test_digits_it_was_trained_with_are_recognized():
    result = evaluate_file(FLAGSHIP, idx.read_folder(SMALL, "train"))
    assert result.accuracy >= 0.98


def test_a_image_file_is_the_digit_it_shows():
    """One digit of each class, chosen by number and not by result."""
    net = Net.load(FLAGSHIP)
    pngs = [next(iter(sorted((DATA / "digits").glob(f"*_label{label}.png")))) for label in range(10)]
    assert [int(net.classify(str(png), top=1)[0][0]) for png in pngs] == list(range(10))
    np.testing.assert_allclose(net.predict([str(png) for png in pngs]).sum(axis=1), 1, atol=1e-5)


def test_the_log_beside_it_is_that_training():
    rows = (WEIGHTS / "mnist-alexnet-lcnn-fast.csv").read_text().splitlines()
    header, last = rows[0].split(","), rows[-1].split(",")
    final = dict(zip(header, map(float, last), strict=True))
    assert final["lookup_multiplications"] == 1_120_527
    assert final["val_accuracy"] == pytest.approx(0.99, abs=1e-6)


class TestSigns:
    """The colour model: ten photographs of its test part, one of each digit, chosen by name and not by result."""

    def test_photographs_are_the_digits_that_hands_show(self):
        net = Net.load(SIGNS)
        photographs = sorted((DATA / "signs").glob("*.jpg"))
        found = [net.classify(str(photograph), top=2) for photograph in photographs]
        first, second = ([int(answer[place][0]) for answer in found] for place in (0, 1))
        assert first == [0, 1, 2, 3, 4, 5, 6, 7, 9, 9]  # of its 6 errors in 330 one is here
        assert second[8] == 8

    def test_size_lookups_and_metadata(self):
        graph, tensors = read_model(SIGNS)
        assert SIGNS.stat().st_size < 2e6
        assert (graph.input.shape, graph.labels) == ((64, 64, 3), tuple("0123456789"))
        assert graph.preprocessing.mode == "RGB"
        layers = [name.split("/")[0] for name in tensors if name.endswith("/coefficients")]
        assert len(layers) == 8
        last = (WEIGHTS / f"{SIGNS.stem}.csv").read_text().splitlines()
        final = dict(zip(last[0].split(","), map(float, last[-1].split(",")), strict=True))
        places = {name: math.prod(shape[:-1]) for name, shape in graph.shapes.items()}
        counted = sum(len(tensors[f"{name}/coefficients"]) * places[name] for name in layers)
        assert counted == final["lookup_multiplications"] == 3_062_016

    def test_its_configuration_made_it(self):
        config = load_config(SIGNS.stem)
        assert (config.data.test_share, config.data.test_seed) == (0.2, 0)
        graph, _ = read_model(SIGNS)
        assert graph.preprocessing == config.preprocessing.for_engine()
        assert graph.name == config.name
