"""New classes from a few images of each, by lookups into the dictionaries of other classes (LCNN, section 4.2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_train.config.experiment import Config, parse_config
from lcnn_train.data.images import Images, classes_of
from lcnn_train.data.pipeline import evaluation_batches
from lcnn_train.data.sets import load
from lcnn_train.errors import ConfigError, DataError
from lcnn_train.training.fit import fit, load_run
from lcnn_train.training.transfer.dense import dense_variant
from lcnn_train.training.transfer.learners import Learner, by_all_weights, by_classifier, by_lookups
from lcnn_train.training.transfer.reporting import Mean, draw, write_json
from lcnn_train.utils.progress import shown

PAPER = "The paper: 6.3 points over the CNN at 1 shot, with 10 new classes of ImageNet after 990."
_METHODS: dict[str, tuple[str, Callable[..., Learner]]] = {  # name -> whose base, and who learns
    "lookups": ("lookups", by_lookups),
    "CNN, fine-tuned": ("dense", by_all_weights),
    "CNN, linear probe": ("dense", by_classifier),
}
_BATCH = 100


@dataclass(frozen=True)
class FewShot:
    """What is compared: the numbers of the `novel` classes, images of each that are learned from, and how.

    draws: how often, each with other images; all methods see the same. steps, rate: of learning, see Learner.
    classifier: k of the base network's classifier of lookups.
    """

    novel: tuple[int, ...]
    shots: tuple[int, ...] = (1, 2, 4)
    draws: int = 20
    steps: int = 100
    rate: float = 0.01
    classifier: int = 32

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("novel", len(set(self.novel)) == len(self.novel) >= 2, "two different classes or more"),
            ("shots", bool(self.shots) and min(self.shots) >= 1, "numbers of at least 1"),
            ("draws", self.draws >= 1, "at least 1"),
            ("steps", self.steps >= 1, "at least 1"),
            ("rate", 0 < self.rate < float("inf"), "a number over 0"),
            ("classifier", self.classifier >= 1, "at least 1"),
        ):
            if not fits:
                raise ConfigError(f"{name}: expected {expected}; found {getattr(self, name)}")


def few_shot(config: Config, settings: FewShot, output: str | os.PathLike[str]) -> str:
    """Train both networks on all other classes, learn the novel ones in each way; return the report, Markdown.

    `config` is that of the lookup network; the dense one is its `dense` variant, trained likewise. In the folder
    `output`: the runs `lookups` and `dense`, few-shot.json, report.md and, where Matplotlib is, few-shot.png. Raises
    ConfigError and DataError for what does not fit together.
    """
    output = Path(output)
    base = _base_classes(config, settings)
    bases = {}
    for name, own in _configs(config, base, settings).items():
        fit(own, output / name)
        bases[name] = load_run(output / name)[0]
    novel = config.data.model_copy(update={"classes": list(settings.novel)})
    pool, test = load(novel, "train"), load(novel, "test")
    if np.bincount(pool.labels, minlength=len(settings.novel)).min() < max(settings.shots):
        raise DataError(f"{pool.source}: expected {max(settings.shots)} images of each novel class; found fewer")
    learners = {
        name: learner(bases[whose], len(settings.novel), settings.steps, settings.rate)
        for name, (whose, learner) in _METHODS.items()
    }
    found = _draws(learners, settings, config, pool, test)
    return _report(config, settings, base, found, output)


def _base_classes(config: Config, settings: FewShot) -> list[int]:
    if config.data.classes is not None:
        raise ConfigError(f"data.classes: expected none, for few-shot divides them; found {config.data.classes}")
    images = load(config.data, "train")
    count = classes_of(images)
    if max(settings.novel) >= count or count - len(settings.novel) < 2:
        raise ConfigError(
            f"novel: expected numbers below {count}, the classes of {images.source}, at least two of which are left; "
            f"found {list(settings.novel)}"
        )
    return [number for number in range(count) if number not in settings.novel]


def _configs(config: Config, base: Sequence[int], settings: FewShot) -> dict[str, Config]:
    """The two configurations, which differ in nothing but lookups."""
    values = config.model_dump()
    values["data"]["classes"] = list(base)
    values["model"]["classes"] = len(base)
    dense = dense_variant(values)
    values["model"]["classifier"] = settings.classifier
    return {
        name: parse_config(own | {"name": f"{config.name}-{name}"}, f"few-shot, {name}")
        for name, own in (("lookups", values), ("dense", dense))
    }


def _draws(
    learners: dict[str, Learner], settings: FewShot, config: Config, pool: Images, test: Images
) -> dict[str, dict[str, list[float]]]:
    """Accuracies: method -> shots -> one for each draw."""
    test_x, test_y = _prepared(config, test)
    found: dict[str, dict[str, list[float]]] = {name: {str(s): [] for s in settings.shots} for name in learners}
    for number in shown(range(settings.draws), "draws", settings.draws):
        rng = np.random.default_rng((config.train.seed, number))
        order = [rng.permutation(np.flatnonzero(pool.labels == label)) for label in range(len(settings.novel))]
        for shots in settings.shots:  # more shots have the images of fewer among theirs
            x, y = _prepared(config, pool.take(np.concatenate([own[:shots] for own in order])))
            for name, learner in learners.items():
                found[name][str(shots)].append(learner.accuracy(x, y, test_x, test_y, number))
    return found


def _prepared(config: Config, images: Images) -> tuple[np.ndarray, np.ndarray]:
    """All images as the network takes them, float32 (N, H, W, C), and their labels."""
    batches = evaluation_batches(images, config.preprocessing.for_engine(), config.model.input_shape, _BATCH)
    x, y = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(x), np.concatenate(y)


def _report(
    config: Config, settings: FewShot, base: Sequence[int], found: dict[str, dict[str, list[float]]], output: Path
) -> str:
    means = {name: [Mean.of(values) for values in by_shots.values()] for name, by_shots in found.items()}
    gains = _gains(found)
    facts: dict[str, Any] = {"config": config.name, "base": list(base), **vars(settings), "accuracies": found}
    write_json(output / "few-shot.json", facts)
    lines = [
        f"Few-shot learning of {len(settings.novel)} classes after {len(base)} others ({config.name}): accuracy on "
        f"their test images, the mean of {settings.draws} draws and its 95% interval.",
        "",
        f"| shots | {' | '.join(means)} | lookups minus CNN, points |",
        f"| ---: |{' ---: |' * (len(means) + 1)}",
    ]
    for position, shots in enumerate(settings.shots):
        row = [str(shots), *(str(own[position]) for own in means.values()), gains[position].points()]
        lines.append(f"| {' | '.join(row)} |")
    lines += ["", PAPER]
    labels = "images of each new class", f"{len(settings.novel)} new classes after {len(base)}"
    if draw(output / "few-shot.png", settings.shots, means, labels):
        lines += ["", "![Accuracy by shots](few-shot.png)"]
    text = "\n".join(lines) + "\n"
    (output / "report.md").write_text(text, encoding="utf-8")
    return text


def _gains(found: dict[str, dict[str, list[float]]]) -> list[Mean]:
    """The lookups' accuracy minus the fine-tuned CNN's, draw by draw: the images are the same."""
    pairs = zip(found["lookups"].values(), found["CNN, fine-tuned"].values(), strict=True)
    return [Mean.of([a - b for a, b in zip(mine, theirs, strict=True)]) for mine, theirs in pairs]
