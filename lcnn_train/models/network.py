"""What can be chosen about a network, and the errors for choices that it does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Dictionaries = tuple[int, ...] | None


@dataclass(frozen=True)
class Network:
    """A network's choices, and what it is built with unless told otherwise."""

    name: str
    places: tuple[str, ...]
    """The layers, or stages of layers, that may have a dictionary, in the network's order."""
    variants: Mapping[str, Dictionaries]
    """k of each place; None makes a dense network."""
    input_size: int
    smallest_input: int
    threshold: float
    """c of epsilon = c * sigma."""
    dropout: float | None
    """None where there is no dropout."""

    def dictionaries(self, variant: str, dictionary: int | Sequence[int] | None = None) -> tuple[int | None, ...]:
        """k of each place: the variant's, or `dictionary`, one number for all places or one for each.

        Raises ValueError for a variant that there is not, and for dictionaries that do not fit.
        """
        if variant not in self.variants:
            raise ValueError(
                f"variant of {self.name} must be one of {', '.join(self.variants)}. Received: variant={variant!r}"
            )
        sizes = self.variants[variant]
        if dictionary is None:
            return sizes or (None,) * len(self.places)
        if sizes is None:
            raise ValueError(f"variant {variant} has no dictionaries. Received: dictionary={dictionary!r}")
        given = tuple(dictionary) if isinstance(dictionary, Sequence) else (dictionary,) * len(self.places)
        if len(given) != len(self.places) or not all(type(k) is int and k >= 1 for k in given):
            raise ValueError(
                f"dictionary of {self.name} must be an integer of at least 1, or {len(self.places)} of them, for "
                f"{', '.join(self.places)}. Received: dictionary={dictionary!r}"
            )
        return given

    def check_input_size(self, size: int) -> None:
        """Raise ValueError for pictures smaller than the network's strides can bear."""
        if size < self.smallest_input:
            raise ValueError(
                f"input_size of {self.name} must be at least {self.smallest_input}. Received: input_size={size}"
            )

    def title(self, variant: str) -> str:
        """The Keras name of a variant: alexnet-dense, alexnet-lcnn-fast."""
        return f"{self.name}-{variant if self.variants[variant] is None else f'lcnn-{variant}'}"
