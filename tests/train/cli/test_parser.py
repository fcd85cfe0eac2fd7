"""Help and mistyped arguments answer at once, and plot draws, without TensorFlow, Keras or the schema's libraries."""

import sys
from pathlib import Path

import pytest

from lcnn_train.cli.parser import parser
from tests.helpers.interpreters import ROOT, processor_seconds, python

COMMANDS = (
    "fit",
    "launch",
    "compress",
    "plot",
    "evaluate",
    "density",
    "count",
    "export",
    "verify",
    "dictionaries",
    "data",
    "pack",
    "augmentations",
    "few-shot",
    "few-iteration",
)
HEAVY = ["tensorflow", "keras", "pydantic", "yaml", "rich", "scipy", "matplotlib", "PIL", "safetensors"]
MAIN = "from lcnn_train.cli import main; sys.exit(main())"


def lcnn_train(*arguments, blocked=HEAVY):
    return python(MAIN, *arguments, blocked=blocked)


def test_every_command_is_there_and_a_file_of_its_own():
    listed = lcnn_train("--help").stdout
    files = {path.stem for path in (ROOT / "lcnn_train" / "cli").glob("*.py")}
    assert files == {
        *(command.replace("-", "_") for command in COMMANDS),
        "__init__",
        "__main__",
        "messages",
        "options",
        "parser",
    }
    assert all(f"\n    {command}" in listed for command in COMMANDS)
    assert parser().prog == "lcnn-train"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_tensorflow(command):
    result = lcnn_train(command, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: lcnn-train {command}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fti",), "invalid choice: 'fti'"),
        (("fit", "mnist-lenet-lcnn-fast", "--nonsense"), "unrecognized arguments: --nonsense"),
        (("evaluate", "a.keras", "--dataset", "minst"), "invalid choice: 'minst'"),
        (("count", "a.keras", "--density", "x"), "expected numbers with commas between, found 'x'"),
        (("launch", "a", "--workers", "0"), "expected a number of at least 1, found '0'"),
        (("export", "a.keras"), "the following arguments are required: OUTPUT"),
        ((), "the following arguments are required: COMMAND"),
    ],
)
def test_mistyped_arguments_need_no_tensorflow(arguments, message):
    result = lcnn_train(*arguments)
    assert result.returncode == 2
    assert message in result.stderr


def test_plot_draws_without_tensorflow(tmp_path):
    log = Path(__file__).parents[3] / "weights" / "mnist-alexnet-lcnn-fast.csv"
    result = lcnn_train("plot", log, "--output", tmp_path / "a.svg", blocked=["tensorflow", "keras", "pydantic"])
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("module", ["lcnn_train", "lcnn_train.cli"])
@pytest.mark.parametrize("arguments", [["--help"], ["export", "--help"], ["fit", "a", "--nonsense"]])
def test_answers_in_half_a_second_of_processor_time(module, arguments):
    assert processor_seconds([sys.executable, "-m", module, *arguments]) < 0.5
