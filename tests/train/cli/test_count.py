"""`lcnn-train count` of configurations, runs, .keras files and model files."""

import json
from pathlib import Path

import pytest

import lcnn_train
from lcnn_engine.analysis.cost import cost_of, totals
from lcnn_engine.format.model_file import read_model
from lcnn_train.cli import main
from lcnn_train.models import NETWORKS, build
from lcnn_train.reports.cost import PAPER_DENSE, count
from tests.helpers.costs import FAST_MNIST, total
from tests.helpers.training import DATA, randomize

CONFIGS = sorted((Path(lcnn_train.__file__).parent / "config" / "presets").glob("*.yaml"))


WEIGHTS = DATA.parent.parent / "weights" / "mnist-alexnet-lcnn-fast.safetensors"


def test_count_of_a_configuration(capsys):
    assert main(["count", "mnist-alexnet-lcnn-fast"]) == 0
    assert "every entry of P that may be a lookup is taken for one" in capsys.readouterr().out
    command = ["count", "mnist-alexnet-lcnn-fast", "--set", "model.classes=1000"]
    assert main([*command, "--density", ",".join(map(str, FAST_MNIST))]) == 0
    out = capsys.readouterr().out
    assert "10.09 of them by lookups" in out
    assert "The paper's dense AlexNet: 1,135.26 million" in out


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_the_network_that_its_name_tells(path, capsys):
    name = path.stem.replace("fashion-mnist", "fashion").replace("sign-digits", "signs")
    data, network, variant = name.split("-", 2)
    assert main(["count", str(path), "--density", "0.05", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    classes, channels = {"imagenet": (1000, 3), "cifar100": (100, 3)}.get(data, (10, 3))
    if "mnist" in data or data == "fashion":
        channels = 1
    size = {"signs": 64}.get(data, NETWORKS[network].input_size)
    dense = "dense-wide" if variant.startswith("dense-wide") else "dense"
    assert (
        facts["total"]["dense"]
        == total(network, dense, channels=channels, classes=classes, input_size=size)["multiplications"]
    )
    assert (facts["total"]["lookups"] > 0) == variant.startswith("lcnn-")


def test_count_of_a_model_file_as_json(capsys):
    assert main(["count", str(WEIGHTS), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in facts["layers"]] == [*NETWORKS["alexnet"].places, "fc8"]
    assert facts["total"] == totals(cost_of(*read_model(WEIGHTS))) | {"bytes": facts["total"]["bytes"]}
    assert facts["total"]["bytes"] < WEIGHTS.stat().st_size  # halves, as they are stored
    assert facts["ratio_to_paper_dense"] == PAPER_DENSE / facts["total"]["multiplications"]


def test_count_of_a_keras_file(tmp_path, capsys):
    model = build("lenet", variant="fast")
    randomize(model, 0.1)
    model.save(tmp_path / "small.keras")
    assert main(["count", str(tmp_path / "small.keras"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == totals(count(model))
    assert main(["count", str(tmp_path / "small.keras"), "--density", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["of_lookups"] == 0
    (tmp_path / "own.yaml").write_text(f"{{name: own, model: {{file: {tmp_path / 'small.keras'}}}}}")
    assert main(["count", str(tmp_path / "own.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == totals(count(model))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.yaml"], "nothing.yaml: No such file"),
        ([str(WEIGHTS), "--density", "0.1"], "a model file has its own lookups"),
        ([str(WEIGHTS), "--set", "model.l1=1"], "--set is for a configuration"),
        (["mnist-alexnet-lcnn-fast", "--density", "0.1,0.2"], "one for each of 7 lookup layers"),
    ],
)
def test_count_of_what_is_not_there(arguments, message, capsys):
    assert main(["count", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_count_of_densities_that_are_no_numbers(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["count", "mnist-alexnet-lcnn-fast", "--density", "a"])
    assert stopped.value.code == 2
    assert "expected numbers with commas between, found 'a'" in capsys.readouterr().err
