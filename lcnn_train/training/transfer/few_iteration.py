"""A deeper network in few iterations, by the frozen dictionaries of a small one (LCNN, section 4.2)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcnn_train.config.experiment import Config, parse_config
from lcnn_train.errors import ConfigError
from lcnn_train.reports.plot import read_log
from lcnn_train.training.fit import fit
from lcnn_train.training.transfer.dense import dense_variant
from lcnn_train.training.transfer.reporting import Mean, draw, write_json

PAPER = "The paper: 16.2 points over the CNN at iteration 10,000, of a ResNet-18 by the dictionaries of a ResNet-10."
_LINES = {"lookups": "lookups, dictionaries frozen", "dense": "CNN"}


@dataclass(frozen=True)
class FewIteration:
    """What is compared: the `small` network whose dictionaries are taken, and the iterations of both deeper ones.

    every: iterations between two looks at the validation images.
    """

    small: str
    iterations: int = 2000
    every: int = 200

    def __post_init__(self) -> None:
        if not 1 <= self.every <= self.iterations or self.iterations % self.every:
            raise ConfigError(
                f"iterations: expected a multiple of every = {self.every}, which is at least 1; found {self.iterations}"
            )


def few_iteration(config: Config, settings: FewIteration, output: str | os.PathLike[str]) -> str:
    """Train the small network, then the deeper ones; return the report, Markdown.

    `config` is that of the deeper lookup network, and all but its depth is the small one's too; it is trained for all
    its epochs, the others for `iterations`, under the same schedule. In the folder `output`: the runs `small`,
    `lookups` and `dense`, few-iteration.json, report.md and, where Matplotlib is, few-iteration.png. Raises ConfigError
    for networks whose dictionaries differ in shape, and what `fit` raises.
    """
    output = Path(output)
    fitted: dict[str, list[float]] = {}
    for name, own in _configs(config, settings, output / "small").items():
        fit(own, output / name)
        if name in _LINES:
            fitted[name] = read_log(output / name / "log.csv")["val_accuracy"]
    return _report(config, settings, fitted, output)


def _configs(config: Config, settings: FewIteration, small: Path) -> dict[str, Config]:
    values = config.model_dump()
    values["train"] |= {"sparsity": None, "start_from": None}
    few = {"epochs": settings.iterations // settings.every, "steps_per_epoch": settings.every}
    deeper = values | {"train": values["train"] | few}
    lookups = deeper | {"train": deeper["train"] | {"dictionaries_from": str(small)}}
    found = {
        "small": values | {"model": values["model"] | {"name": settings.small}},
        "lookups": lookups,
        "dense": dense_variant(deeper),
    }
    return {
        name: parse_config(own | {"name": f"{config.name}-{name}"}, f"few-iteration, {name}")
        for name, own in found.items()
    }


def _report(config: Config, settings: FewIteration, found: dict[str, list[float]], output: Path) -> str:
    iterations = [settings.every * (number + 1) for number in range(settings.iterations // settings.every)]
    facts: dict[str, Any] = {"config": config.name, **vars(settings), "accuracies": found}
    write_json(output / "few-iteration.json", facts)
    lines = [
        f"{config.name} by the dictionaries of {settings.small}, frozen, beside the dense network: accuracy on the "
        "validation images.",
        "",
        f"| iteration | {' | '.join(_LINES.values())} | difference, points |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for iteration, mine, theirs in zip(iterations, found["lookups"], found["dense"], strict=True):
        lines.append(f"| {iteration:,} | {mine:.2%} | {theirs:.2%} | {100 * (mine - theirs):+.2f} |")
    lines += ["", PAPER]
    means = {_LINES[name]: [Mean.of([value]) for value in own] for name, own in found.items()}
    if draw(output / "few-iteration.png", iterations, means, ("iteration", f"{config.name}, validation")):
        lines += ["", "![Accuracy by iteration](few-iteration.png)"]
    text = "\n".join(lines) + "\n"
    (output / "report.md").write_text(text, encoding="utf-8")
    return text
