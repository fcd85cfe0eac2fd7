"""`lcnn-train density`: lookups, density and multiplications of a trained model, layer by layer."""

from __future__ import annotations

import argparse

from lcnn_train.cli.options import Commands, add_source, own_config


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("density", help="lookups, density and multiplications of each layer")
    parser.add_argument("model", metavar="MODEL", help="run folder or .keras file")
    add_source(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print the table."""
    from lcnn_train.reports.cost import count
    from lcnn_train.reports.cost_table import cost_table
    from lcnn_train.sources.load import load_model

    print(cost_table(count(load_model(parsed.model, own_config(parsed), parsed.checkpoint).model)))
    return 0
