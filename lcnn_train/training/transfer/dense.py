"""The dense network that a comparison sets beside a lookup network."""

from __future__ import annotations

from typing import Any

from lcnn_train.errors import ConfigError


def dense_variant(values: dict[str, Any]) -> dict[str, Any]:
    """Make the values of a configuration those of its `dense` variant: the same in all that is not about lookups.

    Raises ConfigError for one that has no lookups, and for a network that is no one of ours.
    """
    model = values["model"]
    if "file" in model or model["variant"].startswith("dense"):
        raise ConfigError("model: expected a variant with lookups of one of our networks; found one without")
    lookups = dict.fromkeys(("dictionary", "lookups_per_tap", "classifier")) | {"groups_of": 1, "atoms_of": 1}
    of_lookups = dict.fromkeys(("sparsity", "max_lookup_multiplications", "dictionaries_from"))
    return values | {"model": model | lookups | {"variant": "dense"}, "train": values["train"] | of_lookups}
