"""`lcnn-train few-iteration`: a deeper network in few iterations, by the frozen dictionaries of a small one."""

from __future__ import annotations

import argparse

from lcnn_train.cli.options import CONFIG_HELP, DATA_HELP, Commands, add_set


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("few-iteration", help="train a deep network by a small one's dictionaries")
    parser.add_argument("config", metavar="CONFIG.yaml", help=f"of the deeper lookup network, {CONFIG_HELP}")
    parser.add_argument("--data", metavar="FOLDER", help=DATA_HELP)
    parser.add_argument("--small", required=True, metavar="NETWORK", help="its smaller relative: resnet8 of resnet20")
    parser.add_argument("--iterations", type=int, default=2000, help="of the deeper networks (default: %(default)s)")
    parser.add_argument("--every", type=int, default=200, metavar="N", help="iterations a look (default: %(default)s)")
    parser.add_argument("--output", metavar="FOLDER", help="default: runs/NAME-few-iteration; the same goes on")
    add_set(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Train and print the report."""
    from lcnn_train.config.experiment import load_config
    from lcnn_train.training.transfer.few_iteration import FewIteration, few_iteration

    config = load_config(parsed.config, parsed.set, parsed.data)
    settings = FewIteration(parsed.small, parsed.iterations, parsed.every)
    print(few_iteration(config, settings, parsed.output or f"runs/{config.name}-few-iteration"))
    return 0
