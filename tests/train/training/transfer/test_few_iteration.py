"""Few-iteration on small images of real photographs: a deeper network keeps the small one's dictionaries to the end."""

import json

import numpy as np
import pytest

from lcnn_train.cli import main
from lcnn_train.sources.load import load_model
from tests.helpers.image_trees import make_train
from tests.train.training.test_fit import write_config

VALUES = {
    "name": "steps",
    "data": {"dataset": "folder", "validation": 4},
    "preprocessing": {"mode": "RGB", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    "model": {"name": "resnet20", "variant": "fast", "input_size": 16, "channels": 3, "l1": 0.0},
    "train": {"epochs": 1, "batch_size": 4, "threads": 1},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    make_train(folder / "set")
    config = write_config(folder / "steps.yaml", VALUES)
    few = ["--small", "resnet8", "--iterations", "4", "--every", "2", "--data", str(folder / "set")]
    assert main(["few-iteration", str(config), *few, "--output", str(folder / "out")]) == 0
    return folder


def test_the_report(made):
    facts = json.loads((made / "out" / "few-iteration.json").read_text())
    assert {name: len(values) for name, values in facts["accuracies"].items()} == {"lookups": 2, "dense": 2}
    report = (made / "out" / "report.md").read_text()
    assert "| 2 | " in report
    assert "| 4 | " in report
    assert "16.2 points over the CNN" in report
    assert (made / "out" / "few-iteration.png").is_file()


def test_dictionaries_are_those_of_the_small_network_and_all_else_is_trained(made):
    small, deep = (load_model(str(made / "out" / name), checkpoint="newest").model for name in ("small", "lookups"))
    for name, source in (
        ("stage2_block1_conv1", "stage2_block1_conv1"),
        ("stage2_block3_conv1", "stage2_block1_conv2"),
    ):
        np.testing.assert_array_equal(deep.get_layer(name).D, small.get_layer(source).D)
    assert (np.asarray(deep.get_layer("stage1_block1_conv1").P) != small.get_layer("stage1_block1_conv1").P).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--small", "resnet8", "--iterations", "5", "--every", "2"], "iterations: expected a multiple of every = 2"),
        (["--small", "resnet9"], "model.name: expected"),
        (["--small", "resnet8", "--set", "model.variant=dense"], "expected a variant with lookups"),
    ],
)
def test_what_does_not_fit(made, arguments, message, capsys):
    line = ["few-iteration", str(made / "steps.yaml"), "--data", str(made / "set"), "--output", str(made / "no")]
    assert main([*line, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (made / "no").exists()
