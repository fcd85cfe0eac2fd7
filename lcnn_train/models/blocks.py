"""What every network is put together from: convolutions with and without a dictionary, norms, the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from lcnn_train.layers.lookup import LookupConv2D, LookupDense
from lcnn_train.models.network import Architecture, Lookups


@dataclass(frozen=True)
class Blocks:
    """How the layers of one network are made: the momentum of its norms.

    Weighted layers have no bias, for the batch norm after each has one; only the classifier has.
    """

    batch_norm_momentum: float

    def conv(
        self,
        x: Any,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        lookups: Lookups | None = None,
    ) -> Any:
        """Add a convolution with zeros on all four sides; dense without lookups, or if its dictionary is too large."""
        if lookups is not None and lookups.pay(filters, (kernel, kernel)):
            arguments = {"strides": stride, "padding": (padding,) * 4, **lookups.arguments()}
            return LookupConv2D(filters, kernel, **arguments, use_bias=False, name=name)(x)
        if padding:
            x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
        return layers.Conv2D(filters, kernel, strides=stride, use_bias=False, name=name)(x)

    def dense(self, x: Any, name: str, units: int, lookups: Lookups | None = None) -> Any:
        """Add a dense layer; a lookup layer with lookups and no dictionary that is too large."""
        if lookups is not None and lookups.pay(units):
            return LookupDense(units, **lookups.arguments(), use_bias=False, name=name)(x)
        return layers.Dense(units, use_bias=False, name=name)(x)

    def norm(self, x: Any, name: str) -> Any:
        """Add batch norm after the layer `name`."""
        return layers.BatchNormalization(momentum=self.batch_norm_momentum, epsilon=1e-3, name=f"{name}_norm")(x)

    def norm_relu(self, x: Any, name: str) -> Any:
        """Add batch norm and ReLU after the layer `name`."""
        return layers.ReLU(name=f"{name}_relu")(self.norm(x, name))


def classifier(image: Any, x: Any, name: str, architecture: Architecture) -> keras.Model:
    """Make the model from `image` to the probabilities of a dense layer `name`, or one of lookups, on the vector x."""
    lookups = architecture.classifier
    if lookups is not None:
        logits = LookupDense(architecture.classes, **lookups.arguments(), name=name)(x)
    else:
        logits = layers.Dense(architecture.classes, name=name)(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(logits), name=architecture.title)
