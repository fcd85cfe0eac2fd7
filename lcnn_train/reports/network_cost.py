"""What a whole network costs, whatever it is given as: a configuration, a run folder, a `.keras` or a model file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lcnn_engine import read_model
from lcnn_engine.analysis.cost import NodeCost, cost_of, totals
from lcnn_engine.format.model_file import stored_bytes
from lcnn_train.config.experiment import load_config
from lcnn_train.config.network_file import ModelFile
from lcnn_train.errors import ConfigError
from lcnn_train.reports.cost import PAPER_DENSE, count, without_values
from lcnn_train.reports.cost_table import cost_table
from lcnn_train.sources.load import load_model

_UNTRAINED = "No weights: every entry of P that may be a lookup is taken for one. --density gives another share."


@dataclass(frozen=True)
class NetworkCost:
    """The costs of a network's layers; `note` says what they rest on where that is not its own weights."""

    name: str
    costs: Sequence[NodeCost]
    note: str | None = None

    def facts(self) -> dict[str, Any]:
        """List all that is known, for other programs."""
        total = totals(self.costs)
        return {
            "name": self.name,
            "note": self.note,
            "layers": [asdict(cost) for cost in self.costs],
            "total": total,
            "ratio_to_dense_twin": total["dense"] / total["multiplications"],
            "paper_dense": PAPER_DENSE,
            "ratio_to_paper_dense": PAPER_DENSE / total["multiplications"],
        }

    def __str__(self) -> str:
        total = totals(self.costs)
        made, lookups, dense = total["multiplications"], total["of_lookups"], total["dense"]
        lines = [
            self.name,
            "",
            cost_table(self.costs),
            "",
            f"{made / 1e6:,.2f} million multiplications of one input, {lookups / 1e6:,.2f} of them by lookups.",
            f"Its dense equivalent: {dense / 1e6:,.2f} million, {dense / made:,.1f} times as many.",
            f"The paper's dense AlexNet: {PAPER_DENSE / 1e6:,.2f} million, {PAPER_DENSE / made:,.1f} times as many.",
        ]
        return "\n".join(lines if self.note is None else [*lines, self.note])


def network_cost(
    source: str | os.PathLike[str],
    density: float | Sequence[float] | None = None,
    checkpoint: str = "best",
    overrides: Sequence[str] = (),
) -> NetworkCost:
    """Count a network by the paper's rule.

    Args:
        source: a run folder, a `.keras` file, a model file, or else a configuration, as load_config takes it.
        density: share of each P to count as lookups, one for all or one for each, instead of those that there are.
        checkpoint: of a run folder, "best" or "newest".
        overrides: of a configuration, "section.key=value".

    Raises ConfigError for arguments that do not go with such a source, and as load_model, read_model, load_config and
    count do.
    """
    path = Path(source)
    if overrides and (path.is_dir() or path.suffix in (".safetensors", ".keras")):
        raise ConfigError(f"{path}: --set is for a configuration")
    if path.suffix == ".safetensors":
        if density is not None:
            raise ConfigError(f"{path}: a model file has its own lookups; --density is for models with a P")
        graph, tensors = read_model(path)
        costs = cost_of(graph, tensors, stored_bytes(path))
        return NetworkCost(graph.name, [cost for cost in costs if cost.multiplications or cost.weights])
    given = None if density is None else "Lookups at the densities given."
    if path.is_dir() or path.suffix == ".keras":
        model = load_model(path, checkpoint=checkpoint).model
        return NetworkCost(model.name, count(model, density), given)
    config = load_config(path, list(overrides))
    if isinstance(config.model, ModelFile):
        return NetworkCost(config.name, count(config.model.build(), density), given)
    costs = count(without_values(config.model.build), 1.0 if density is None else density)
    return NetworkCost(config.name, costs, given or _UNTRAINED)
