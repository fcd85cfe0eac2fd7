"""`lcnn-train few-shot`: new classes from a few images, by lookups into the dictionaries of other classes."""

from __future__ import annotations

import argparse

from lcnn_train.cli.options import CONFIG_HELP, DATA_HELP, Commands, add_set


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("few-shot", help="learn new classes from a few images, beside a dense network")
    parser.add_argument("config", metavar="CONFIG.yaml", help=f"of a lookup network, {CONFIG_HELP}")
    parser.add_argument("--data", metavar="FOLDER", help=DATA_HELP)
    parser.add_argument(
        "--novel", type=int, nargs="+", default=[7, 8, 9], metavar="CLASS", help="their numbers (default: 7 8 9)"
    )
    parser.add_argument(
        "--shots", type=int, nargs="+", default=[1, 2, 4], metavar="N", help="images of each (default: 1 2 4)"
    )
    parser.add_argument("--draws", type=int, default=20, help="how often, with other images (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="of learning (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.01, help="of learning (default: %(default)s)")
    parser.add_argument("--classifier", type=int, default=32, metavar="K", help="its dictionary (default: %(default)s)")
    parser.add_argument("--output", metavar="FOLDER", help="default: runs/NAME-few-shot; the same goes on")
    add_set(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Train, learn and print the report."""
    from lcnn_train.config.experiment import load_config
    from lcnn_train.training.transfer.few_shot import FewShot, few_shot

    config = load_config(parsed.config, parsed.set, parsed.data)
    numbers = {key: getattr(parsed, key) for key in ("draws", "steps", "rate", "classifier")}
    settings = FewShot(tuple(parsed.novel), tuple(parsed.shots), **numbers)
    print(few_shot(config, settings, parsed.output or f"runs/{config.name}-few-shot"))
    return 0
