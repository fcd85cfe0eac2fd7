"""What each sweep trains: one dense reference, dense networks of other widths, and of each structure a chain of sizes.

A sweep of another data set is one more entry of ``SWEEPS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

REFERENCE, DENSE = "reference", "dense"


@dataclass(frozen=True)
class Structure:
    """A kind of lookups: ``settings`` of the configuration, and the ``targets`` of gradual sparsity, descending.

    The first size begins with the reference's weights, each other one with those of the size before.
    """

    name: str
    title: str
    settings: tuple[str, ...]
    targets: tuple[float, ...]
    sparsity: str = ""
    """What ``train.sparsity`` says besides, for this structure alone."""


@dataclass(frozen=True)
class Sweep:
    """All that is trained of one network on one data set, with the images, the augmentation and the seed of ``config``.

    Every dense network is trained for as many epochs as the smallest network of a structure is in all, the reference's
    included: from noise, but for the one of the reference's ``width``, which goes on from there.
    """

    name: str
    dataset: str
    config: str
    """Of the dense network: a preset of ``lcnn-train``, or a file."""
    width: float
    """Of the reference, and of all networks with lookups."""
    widths: tuple[float, ...]
    """Of the other dense networks."""
    structures: tuple[Structure, ...]
    epochs: int
    """Of the reference."""
    size_epochs: int
    """Of each size, besides."""
    sparsity: str
    """What ``train.sparsity`` says but for the target."""
    rate: float
    """The learning rate that each size begins with."""


@dataclass(frozen=True)
class Run:
    """One training: a run of ``lcnn-train fit`` with ``settings``, from the weights of the run ``start`` (None: noise).

    ``size``: the width of a dense network, the target of one with lookups; ``total``: epochs, with those before it.
    """

    name: str
    structure: str
    size: float
    epochs: int
    total: int
    start: str | None
    settings: tuple[str, ...]


def runs_of(sweep: Sweep) -> list[Run]:
    """List the trainings of a sweep in an order in which each comes after the one that it starts from."""
    reference = Run(REFERENCE, REFERENCE, sweep.width, sweep.epochs, sweep.epochs, None, _dense(sweep.width))
    return [reference, *(run for structure in sweep.structures for run in _chain(sweep, structure)), *_widths(sweep)]


def _widths(sweep: Sweep) -> Iterator[Run]:
    further = sweep.size_epochs * max(len(structure.targets) for structure in sweep.structures)
    total = sweep.epochs + further
    for width in sweep.widths:
        yield Run(f"{DENSE}-{width:g}", DENSE, width, total, total, None, _dense(width))
    yield Run(f"{DENSE}-{sweep.width:g}", DENSE, sweep.width, further, total, REFERENCE, _dense(sweep.width))


def _dense(width: float) -> tuple[str, ...]:
    return (f"model.width={width:g}",)


def _chain(sweep: Sweep, structure: Structure) -> Iterator[Run]:
    start, total = REFERENCE, sweep.epochs
    plain = ("model.variant=fast", "model.l1=0.0", "model.threshold=0.0")
    sparsity = ", ".join(filter(None, (sweep.sparsity, structure.sparsity)))
    for target in structure.targets:
        name, total = f"{structure.name}-{target:g}", total + sweep.size_epochs
        own = (
            f"train.learning_rate.initial={sweep.rate:g}",
            f"train.sparsity={{target: {target:g}, {sparsity}}}",
        )
        settings = (*_dense(sweep.width), *plain, *own, *structure.settings)
        yield Run(name, structure.name, target, sweep.size_epochs, total, start, settings)
        start = name


_PRUNED = "model.dictionary=[none, none, none]"
_STAGES = "model.dictionary=[dense, none, none, none]"


def _cifar(dataset: str) -> Sweep:
    """ResNet-20: some 15 hours of two cores."""
    return Sweep(
        name=dataset,
        dataset=dataset,
        config=f"{dataset}-resnet20-dense",
        width=1.0,
        widths=(0.75, 0.5, 0.35, 0.25),
        structures=(
            Structure("pruned", "pruned", (_STAGES,), (0.4, 0.2, 0.1, 0.05)),
            Structure(
                "groups",
                "pruned in groups of 16 with pairs",
                (_STAGES, "model.groups_of=[1, 16, 16, 16]", "model.atoms_of=[1, 2, 2, 2]"),
                (0.5, 0.3, 0.2, 0.1),
            ),
            Structure(
                "dictionary",
                "dictionaries and lookups",
                ("model.dictionary=[dense, 8, 12, 16]",),
                (0.3, 0.2, 0.12, 0.09),
            ),
        ),
        epochs=40,
        size_epochs=8,
        sparsity="end_epoch: 5, every: 100",
        rate=0.02,
    )


_FASHION = Sweep(
    name="fashion-mnist",
    dataset="fashion-mnist",
    config="fashion-mnist-lenet-dense",
    width=1.28,
    widths=(0.8, 0.5, 0.3, 0.2),
    structures=(
        Structure("pruned", "pruned", (_PRUNED,), (0.3, 0.15, 0.08, 0.04)),
        Structure(
            "groups",
            "pruned in groups of 16 with pairs",
            (_PRUNED, "model.groups_of=[1, 16, 16]", "model.atoms_of=[1, 2, 2]"),
            (0.4, 0.2, 0.1, 0.05),
        ),
        Structure(
            "dictionary", "dictionaries and lookups", ("model.dictionary=[none, 12, 24]",), (0.2, 0.1, 0.06, 0.035)
        ),
        Structure(
            "timed",
            "pruned by predicted time, groups and pairs in fc1",
            (_PRUNED, "model.groups_of=[1, 1, 16]", "model.atoms_of=[1, 1, 2]"),
            (0.25, 0.13, 0.07, 0.04),
            "of: milliseconds",
        ),
    ),
    epochs=6,
    size_epochs=2,
    sparsity="end_epoch: 1.25, every: 40",
    rate=0.02,
)

SWEEPS = {
    sweep.name: sweep
    for sweep in (
        _FASHION,
        # 40 epochs for each: an hour and a half of one core.
        replace(
            _FASHION,
            name="fashion-mnist-long",
            epochs=20,
            size_epochs=5,
            sparsity="end_epoch: 3, every: 100",
            rate=0.03,
        ),
        _cifar("cifar10"),
        _cifar("cifar100"),
    )
}
"""The sweeps by their names."""
