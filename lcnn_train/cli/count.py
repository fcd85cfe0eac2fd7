"""`lcnn-train count`: multiplications, lookups, weights and bytes of a network, trained or not."""

from __future__ import annotations

import argparse
import json

from lcnn_train.cli.options import Commands, add_checkpoint, add_set

_WHAT = "configuration (a YAML file, or the name of one that comes with the package), run folder, .keras or model file"


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("count", help="multiplications, lookups, weights and bytes, before or after training")
    parser.add_argument("model", metavar="CONFIG|MODEL", help=_WHAT)
    parser.add_argument(
        "--density",
        type=_densities,
        metavar="D[,D...]",
        help="count this share of each P as lookups: one number, or one for each lookup layer",
    )
    add_checkpoint(parser)
    add_set(parser, "of a configuration")
    parser.add_argument("--json", action="store_true", help="for other programs")
    parser.set_defaults(run=run)


def _densities(text: str) -> list[float]:
    try:
        return [float(share) for share in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers with commas between, found {text!r}") from None


def run(parsed: argparse.Namespace) -> int:
    """Print the costs as a table or as JSON."""
    from lcnn_train.reports.network_cost import network_cost

    density = parsed.density
    if density is not None and len(density) == 1:
        density = density[0]
    cost = network_cost(parsed.model, density, parsed.checkpoint, parsed.set)
    print(json.dumps(cost.facts(), indent=1) if parsed.json else cost)
    return 0
