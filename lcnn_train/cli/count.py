"""`lcnn-train count`: multiplications, lookups, weights and bytes of a network, trained or not."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lcnn_engine import read_model
from lcnn_engine.analysis.cost import NodeCost, cost_of, totals
from lcnn_engine.format.model_file import stored_bytes
from lcnn_train.config.experiment import load_config
from lcnn_train.errors import ConfigError
from lcnn_train.reports.cost import PAPER_DENSE, count, without_values
from lcnn_train.reports.cost_table import cost_table

_WHAT = "configuration (a YAML file, or the name of one that comes with the package), run folder, .keras or model file"
_UNTRAINED = "No weights: every entry of P that may be a lookup is taken for one. --density gives another share."


@dataclasses.dataclass(frozen=True)
class _Counted:
    """The costs of what was named; `note` says what they rest on where that is not its own weights."""

    name: str
    costs: Sequence[NodeCost]
    note: str | None = None


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("count", help="multiplications, lookups, weights and bytes, before or after training")
    parser.add_argument("model", metavar="CONFIG|MODEL", help=_WHAT)
    parser.add_argument(
        "--density",
        type=_densities,
        metavar="D[,D...]",
        help="count this share of each P as lookups: one number, or one for each lookup layer",
    )
    parser.add_argument("--checkpoint", choices=("best", "newest"), default="best", help="of a run")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="of a configuration")
    parser.add_argument("--json", action="store_true", help="for other programs")
    parser.set_defaults(run=run)


def _densities(text: str) -> list[float]:
    try:
        return [float(share) for share in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers with commas between, found {text!r}") from None


def run(parsed: argparse.Namespace) -> int:
    """Print the costs as a table or as JSON."""
    counted = _count(parsed)
    print(json.dumps(_facts(counted), indent=1) if parsed.json else _text(counted))
    return 0


def _count(parsed: argparse.Namespace) -> _Counted:
    path, density = Path(parsed.model), parsed.density
    if density is not None and len(density) == 1:
        density = density[0]
    if parsed.set and (path.is_dir() or path.suffix in (".safetensors", ".keras")):
        raise ConfigError(f"{path}: --set is for a configuration")
    if path.suffix == ".safetensors":
        if density is not None:
            raise ConfigError(f"{path}: a model file has its own lookups; --density is for models with a P")
        graph, tensors = read_model(path)
        costs = cost_of(graph, tensors, stored_bytes(path))
        return _Counted(graph.name, [cost for cost in costs if cost.multiplications or cost.weights])
    if path.is_dir() or path.suffix == ".keras":
        from lcnn_train.sources.load import load_model

        model = load_model(path, checkpoint=parsed.checkpoint).model
        return _Counted(model.name, count(model, density), _given(density))
    config = load_config(path, parsed.set)
    costs = count(without_values(config.model.build), 1.0 if density is None else density)
    return _Counted(config.name, costs, _given(density) or _UNTRAINED)


def _given(density: float | list[float] | None) -> str | None:
    return None if density is None else "Lookups at the densities given."


def _facts(counted: _Counted) -> dict[str, Any]:
    total = totals(counted.costs)
    return {
        "name": counted.name,
        "note": counted.note,
        "layers": [dataclasses.asdict(cost) for cost in counted.costs],
        "total": total,
        "ratio_to_dense_twin": total["dense"] / total["multiplications"],
        "paper_dense": PAPER_DENSE,
        "ratio_to_paper_dense": PAPER_DENSE / total["multiplications"],
    }


def _text(counted: _Counted) -> str:
    total = totals(counted.costs)
    made = total["multiplications"]
    lines = [
        counted.name,
        "",
        cost_table(counted.costs),
        "",
        f"{made / 1e6:,.2f} million multiplications of one input, {total['of_lookups'] / 1e6:,.2f} of them by lookups.",
        f"Its dense twin: {total['dense'] / 1e6:,.2f} million, {total['dense'] / made:,.1f} times as many.",
        f"The paper's dense AlexNet: {PAPER_DENSE / 1e6:,.2f} million, {PAPER_DENSE / made:,.1f} times as many.",
    ]
    return "\n".join(lines if counted.note is None else [*lines, counted.note])
