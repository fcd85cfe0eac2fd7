"""Few-shot on real digits, in little: what is learned, what stays frozen, the report, and what does not fit."""

import json

import numpy as np
import pytest

from lcnn_train import ConfigError
from lcnn_train.cli import main
from lcnn_train.config.experiment import parse_config
from lcnn_train.training.transfer.few_shot import FewShot, few_shot
from tests.helpers.training import SMALL
from tests.train.training.test_fit import CONFIG, write_config

VALUES = {
    **CONFIG,
    "name": "shots",
    "augment": [],
    "model": {"name": "lenet", "variant": "fast", "l1": 0.1, "input_size": 28},
    "train": {"epochs": 2, "batch_size": 20, "threads": 1},
}
FEW = ["--novel", "8", "9", "--shots", "1", "2", "--draws", "3", "--steps", "5", "--classifier", "8"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a comparison that was made by the command."""
    folder = tmp_path_factory.mktemp("few")
    config = write_config(folder / "shots.yaml", VALUES)
    assert main(["few-shot", str(config), *FEW, "--output", str(folder / "out")]) == 0
    return folder


def test_the_report_and_the_numbers_behind_it(made, capsys):
    facts = json.loads((made / "out" / "few-shot.json").read_text())
    assert facts["base"] == list(range(8))
    assert list(facts["accuracies"]) == ["lookups", "CNN, fine-tuned", "CNN, linear probe"]
    for by_shots in facts["accuracies"].values():
        assert {shots: len(values) for shots, values in by_shots.items()} == {"1": 3, "2": 3}
        assert all(0 <= value <= 1 for values in by_shots.values() for value in values)
    report = (made / "out" / "report.md").read_text()
    mean = 100 * np.mean(facts["accuracies"]["lookups"]["2"])
    assert f"| 2 | {mean:.2f}% ± " in report
    assert "6.3 points over the CNN" in report
    assert (made / "out" / "few-shot.png").stat().st_size > 1000


def test_the_bases_know_eight_classes_and_differ_in_lookups_alone(made):
    lookups, dense = (json.loads((made / "out" / name / "config.json").read_text()) for name in ("lookups", "dense"))
    assert lookups["model"].pop("classes") == dense["model"].pop("classes") == 8
    assert (lookups["model"]["classifier"], dense["model"]["classifier"]) == (8, None)
    assert lookups["train"] == dense["train"]
    assert lookups["data"] == dense["data"]


def test_the_same_line_again_gives_the_same_draws(made):
    """The runs are done already, and draws go by the seed alone."""
    before = json.loads((made / "out" / "few-shot.json").read_text())
    assert main(["few-shot", str(made / "shots.yaml"), *FEW, "--output", str(made / "out")]) == 0
    assert json.loads((made / "out" / "few-shot.json").read_text()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--novel", "9"], "novel: expected two different classes or more"),
        (["--novel", "3", "3"], "novel: expected two different classes or more"),
        (["--novel", "8", "12"], "novel: expected numbers below 10"),
        (["--shots", "0"], "shots: expected numbers of at least 1"),
        (["--draws", "0"], "draws: expected at least 1"),
        (["--rate", "nan"], "rate: expected a number over 0"),
        (["--set", "model.variant=dense"], "expected a variant with lookups"),
        (["--set", "data.classes=[0, 1]"], "data.classes: expected none"),
    ],
)
def test_what_does_not_fit(made, arguments, message, capsys):
    line = ["few-shot", str(made / "shots.yaml"), "--output", str(made / "none"), *arguments]
    assert main(line) == 2
    assert message in capsys.readouterr().err
    assert not (made / "none").exists()


def test_more_shots_than_there_are_images(made):
    config = parse_config({**VALUES, "data": {**VALUES["data"], "folder": str(SMALL)}}, "values")
    with pytest.raises(ConfigError, match="steps: expected at least 1; found 0"):
        FewShot((8, 9), steps=0)
    settings = FewShot((8, 9), shots=(10_000,), draws=1, steps=1, classifier=8)
    with pytest.raises(Exception, match="expected 10000 images of each novel class; found fewer"):
        few_shot(config, settings, made / "out")
