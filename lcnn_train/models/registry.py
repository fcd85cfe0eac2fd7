"""The networks by their names, as a configuration's `model.name` chooses them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from lcnn_train.models.alexnet import ALEXNET, alexnet
from lcnn_train.models.lenet import LENET, lenet
from lcnn_train.models.network import Network
from lcnn_train.models.resnet import RESNETS, resnet
from lcnn_train.models.small_resnet import SMALL_RESNETS, small_resnet

NETWORKS: dict[str, Network] = {
    network.name: network for network in (ALEXNET, LENET, *RESNETS.values(), *SMALL_RESNETS.values())
}
_BUILDERS: dict[str, Callable[..., keras.Model]] = {
    ALEXNET.name: alexnet,
    LENET.name: lenet,
    **{network.name: partial(resnet, depth) for depth, network in RESNETS.items()},
    **{network.name: partial(small_resnet, depth) for depth, network in SMALL_RESNETS.items()},
}


def build(name: str, **options: Any) -> keras.Model:
    """Build a network of NETWORKS; `options` are those of models.NetworkOptions.

    Raises ValueError for what it cannot be.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(NETWORKS)}. Received: name={name!r}")
    return _BUILDERS[name](**options)
