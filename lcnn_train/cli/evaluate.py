"""`lcnn-train evaluate`: the accuracy of a run, a `.keras` file or a model file on a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from lcnn_train.cli.options import DATA_HELP, Commands, add_source, data_of, needed_config, own_config
from lcnn_train.config.names import DATASETS


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("evaluate", help="accuracy of a run, a .keras file or a model file")
    parser.add_argument("model", metavar="MODEL", help="run folder, .keras file, or .safetensors model file")
    parser.add_argument("--dataset", choices=DATASETS, help="default: the configuration's, or what --data holds")
    parser.add_argument("--data", metavar="FOLDER", help=DATA_HELP)
    parser.add_argument("--part", choices=("test", "train"), default="test")
    parser.add_argument("--threads", type=int, help="of the engine, for a model file (default: all cores)")
    add_source(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print the accuracy and what could not be read."""
    from lcnn_engine import read_model
    from lcnn_train.data.sets import infer, load
    from lcnn_train.sources.evaluate import evaluate_file, evaluate_keras
    from lcnn_train.sources.load import load_model

    config = own_config(parsed)
    if Path(parsed.model).suffix == ".safetensors":
        if config is None and parsed.dataset is None:
            parsed.dataset = infer(parsed.data, read_model(parsed.model)[0].labels)
        print(evaluate_file(parsed.model, load(data_of(parsed, config), parsed.part), parsed.threads))
        return 0
    source = load_model(parsed.model, config, parsed.checkpoint)
    known = needed_config(source.config, "evaluate")
    images = load(data_of(parsed, known), parsed.part)
    print(evaluate_keras(source.model, images, known.preprocessing.for_engine()))
    return 0
