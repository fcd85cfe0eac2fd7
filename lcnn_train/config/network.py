"""The `model` section of a configuration."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import keras
from pydantic import Field, SkipValidation, model_validator

from lcnn_engine.model.graph import Shape
from lcnn_train.config.schema import Count, NotNegative, Positive, Rate, Section
from lcnn_train.models.network import Network, NetworkOptions, Rows
from lcnn_train.models.registry import NETWORKS, build

_CLASSES = 10


class Model(Section):
    """The network `name`, its `variant`, lambda' (l1) and c (threshold) of its lookup layers.

    `dictionary`: k instead of the variant's, `none` for no dictionary (a pruned layer), `dense` for no lookups.
    `lookups_per_tap`: s, so many lookups in each tap instead of those above the threshold. `groups_of`: so many
    neighbouring filters (1, 2, 4, 8, 16, 32) share indices. `atoms_of`: 2 for lookups in pairs of atoms. Each is one
    value for all places that may have a dictionary, or one for each.
    `classes`: None takes those of the data; until that is read, a network has 10.
    `classifier`: k of a classifier with lookups, None for a dense one.
    `width`: filters of every layer but the classifier, as a part of the network's own.
    `input_size` (height and width), `threshold` and `dropout` are the network's own unless given.
    """

    name: Literal[tuple(NETWORKS)] = "alexnet"  # type: ignore[valid-type]
    variant: str = "fast"
    # Whether these four fit, the network says: pydantic would name only one member of each union.
    dictionary: Annotated[list[Rows] | Rows | None, SkipValidation] = None
    lookups_per_tap: Annotated[list[int | None] | int | None, SkipValidation] = None
    groups_of: Annotated[list[int] | int, SkipValidation] = 1
    atoms_of: Annotated[list[int] | int, SkipValidation] = 1
    input_size: Count = Field(default=224)
    channels: Literal[1, 3] = 1
    classes: Count | None = None
    l1: NotNegative = 0.3
    threshold: NotNegative = Field(default=0.01)
    dropout: Rate | None = None
    batch_norm_momentum: Rate = 0.9
    classifier: Count | None = None
    width: Positive = 1.0

    @property
    def network(self) -> Network:
        """What can be chosen about the network."""
        return NETWORKS[self.name]

    @property
    def input_shape(self) -> Shape:
        """(H, W, C) of the images that the network takes."""
        return self.input_size, self.input_size, self.channels

    def build(self) -> keras.Model:
        """Build the network with fresh weights, not compiled."""
        return build(self.name, **self._options())

    def _options(self) -> dict[str, Any]:
        """The fields of models.NetworkOptions."""
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(NetworkOptions)}
        return options | {"classes": self.classes or _CLASSES}

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_network(cls, values: Any) -> Any:
        """Fill in what the network has its own values for, so that a run's folder tells them."""
        name = values.get("name", "alexnet") if isinstance(values, dict) else None
        network = NETWORKS.get(name) if isinstance(name, str) else None
        if network is None:
            return values
        return {key: getattr(network, key) for key in ("input_size", "threshold", "dropout")} | values

    @model_validator(mode="after")
    def _fits_the_network(self) -> Model:
        network = self.network
        if self.variant not in network.variants:
            raise ValueError(
                f"model.variant: expected one of {', '.join(network.variants)} for {self.name}; found {self.variant!r}"
            )
        if network.dropout is None and self.dropout:
            raise ValueError(f"model.dropout: expected null, as {self.name} has no dropout; found {self.dropout}")
        network.architecture(NetworkOptions(**self._options()))
        return self
