"""What can be chosen about a network, what it is then built from, and the errors for choices that it does not have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from lcnn_engine.utils.moved import former_names
from lcnn_train.layers import sparsity

Rows = int | str  # k, or one of the two:
PRUNED = "none"  # no dictionary: a pruned layer
DENSE = "dense"  # an ordinary layer

Item = TypeVar("Item")


@dataclass(frozen=True)
class NetworkOptions:
    """What every network can be built with; None stands for the network's own.

    variant: a key of the network's `variants`.
    dictionary: k of the lookup layers instead of the variant's; "none" for no dictionary, a pruned layer; "dense" for
        an ordinary layer. One for all places of the network, or one for each. A layer whose dictionary cannot pay
        (k >= n*kh*kw) is dense too.
    lookups_per_tap: s, that many lookups in each tap instead of those above the threshold; None for the threshold.
    groups_of: 1, 2, 4, 8, 16 or 32 neighbouring filters share the indices of their lookups.
    atoms_of: 1, or 2: lookups come in pairs of atoms. All three: for all places, or for each.
    input_size: height and width of the images. channels, classes: of the images and the labels.
    l1, threshold: lambda' and c of every lookup layer.
    dropout: rate before the layers that have one.
    batch_norm_momentum: of every batch norm.
    classifier: k of a classifier with lookups; None for a dense one.
    width: filters of every layer but the classifier, as a part of the network's own.
    """

    variant: str = "fast"
    dictionary: Rows | Sequence[Rows] | None = None
    lookups_per_tap: int | Sequence[int | None] | None = None
    groups_of: int | Sequence[int] = 1
    atoms_of: int | Sequence[int] = 1
    input_size: int | None = None
    channels: int | None = None
    classes: int | None = None
    l1: float = 0.3
    threshold: float | None = None
    dropout: float | None = None
    batch_norm_momentum: float = 0.9
    classifier: int | None = None
    width: float = 1.0


@dataclass(frozen=True)
class Lookups:
    """What the lookup layers of one place are made with, in the words of LookupConv2D; a dictionary of None is none."""

    dictionary: int | None
    lookups_per_tap: int | None
    groups_of: int
    atoms_of: int
    l1: float
    threshold: float

    def pay(self, filters: int, kernel_size: Sequence[int] = ()) -> bool:
        """Tell whether a lookup layer can cost less than the dense one."""
        return self.dictionary is None or sparsity.dictionary_pays(self.dictionary, filters, kernel_size)

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Architecture:
    """NetworkOptions, checked and filled in: `lookups` has one entry for each place, None where it is dense, `filters`
    its n."""

    input_shape: tuple[int, int, int]
    classes: int
    lookups: tuple[Lookups | None, ...]
    filters: tuple[int, ...]
    dropout: float
    batch_norm_momentum: float
    title: str
    classifier: Lookups | None = None


@dataclass(frozen=True)
class Network:
    """A network's choices, and what it is built with unless told otherwise."""

    name: str
    places: tuple[str, ...]
    """The layers, or stages of layers, that may have a dictionary, in the network's order."""
    filters: tuple[int, ...]
    """n of each place; what a bottleneck widens to is a multiple of it."""
    variants: Mapping[str, tuple[int, ...] | None]
    """k of each place; None makes a dense network."""
    input_size: int
    min_input_size: int
    channels: int
    classes: int
    threshold: float
    """c of epsilon = c * sigma."""
    dropout: float | None
    """None where there is no dropout."""
    filters_of: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """n of each place in variants that have others."""

    def architecture(self, options: NetworkOptions) -> Architecture:
        """Decide what the network is built from. Raises ValueError for options that do not fit it."""
        size = self.input_size if options.input_size is None else options.input_size
        if size < self.min_input_size:
            raise ValueError(
                f"input_size of {self.name} must be at least {self.min_input_size}. Received: input_size={size}"
            )
        if self.dropout is None and options.dropout:
            raise ValueError(f"{self.name} has no dropout. Received: dropout={options.dropout}")
        return Architecture(
            (size, size, options.channels or self.channels),
            options.classes or self.classes,
            self._lookups(options),
            self._filters(options),
            self.dropout or 0.0 if options.dropout is None else options.dropout,
            options.batch_norm_momentum,
            self._title(options.variant),
            self._classifier(options),
        )

    def _filters(self, options: NetworkOptions) -> tuple[int, ...]:
        """n of each place at the chosen width, at least 1."""
        if not (math.isfinite(options.width) and options.width > 0):
            raise ValueError(f"width of {self.name} must be a number over 0. Received: width={options.width}")
        own = self.filters_of.get(options.variant, self.filters)
        return tuple(max(1, round(options.width * n)) for n in own)

    def _classifier(self, options: NetworkOptions) -> Lookups | None:
        if options.classifier is None:
            return None
        return Lookups(options.classifier, None, 1, 1, options.l1, self._threshold(options))

    def _threshold(self, options: NetworkOptions) -> float:
        return self.threshold if options.threshold is None else options.threshold

    def _lookups(self, options: NetworkOptions) -> tuple[Lookups | None, ...]:
        rows = self._rows(options.variant, options.dictionary)
        taps = self._of_places(
            "lookups_per_tap",
            options.lookups_per_tap,
            lambda s: s is None or _is_count(s),
            "an integer of at least 1, or null for the threshold",
        )
        groups, atoms = (
            self._of_places(name, getattr(options, name), _is_among(known), f"one of {', '.join(map(str, known))}")
            for name, known in (("groups_of", sparsity.GROUPS_OF), ("atoms_of", sparsity.ATOMS_OF))
        )
        if any(s is not None and s % pair for s, pair in zip(taps, atoms, strict=True)):
            raise ValueError(
                f"lookups_per_tap of {self.name} must be a multiple of atoms_of. Received: "
                f"lookups_per_tap={options.lookups_per_tap!r}, atoms_of={options.atoms_of!r}"
            )
        given = {name: getattr(options, name) for name in ("lookups_per_tap", "groups_of", "atoms_of")}
        if set(rows) == {DENSE} and any(value not in (None, 1) for value in given.values()):
            received = ", ".join(f"{name}={value!r}" for name, value in given.items())
            raise ValueError(f"{self._title(options.variant)} has no lookups. Received: {received}")
        threshold = self._threshold(options)
        return tuple(
            None if k == DENSE else Lookups(None if isinstance(k, str) else k, s, group, pair, options.l1, threshold)
            for k, s, group, pair in zip(rows, taps, groups, atoms, strict=True)
        )

    def _rows(self, variant: str, dictionary: Any) -> tuple[Rows, ...]:
        """k, PRUNED or DENSE of each place: the variant's, or `dictionary`."""
        if variant not in self.variants:
            raise ValueError(
                f"variant of {self.name} must be one of {', '.join(self.variants)}. Received: variant={variant!r}"
            )
        sizes = self.variants[variant]
        if dictionary is None:
            return sizes or (DENSE,) * len(self.places)
        if sizes is None:
            raise ValueError(f"variant {variant} has no dictionaries. Received: dictionary={dictionary!r}")
        return self._of_places(
            "dictionary",
            dictionary,
            lambda k: k in (PRUNED, DENSE) if isinstance(k, str) else _is_count(k),
            f'an integer of at least 1, "{PRUNED}" for no dictionary or "{DENSE}" for no lookups',
        )

    def _of_places(
        self, name: str, value: Item | Sequence[Item], fits: Callable[[Any], bool], expected: str
    ) -> tuple[Item, ...]:
        """The value of each place, from one for all or one for each. Raises ValueError where one does not fit."""
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        given: tuple[Any, ...] = tuple(value) if is_list else (value,) * len(self.places)  # type: ignore[arg-type]
        if len(given) != len(self.places) or not all(map(fits, given)):
            raise ValueError(
                f"{name} of {self.name} must be {expected}; or {len(self.places)} of these, for "
                f"{', '.join(self.places)}. Received: {name}={value!r}"
            )
        return given

    def _title(self, variant: str) -> str:
        """The Keras name of a variant: alexnet-dense, alexnet-lcnn-fast."""
        return f"{self.name}-{variant if self.variants[variant] is None else f'lcnn-{variant}'}"


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_among(known: tuple[int, ...]) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value in known


former_names(__name__, Plan="Architecture", Settings="NetworkOptions")
