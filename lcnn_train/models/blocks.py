"""What every network is put together from: convolutions with and without a dictionary, norms, the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from lcnn_train import sparsity
from lcnn_train.layers import LookupConv2D, LookupDense


@dataclass(frozen=True)
class Blocks:
    """How the layers of one network are made: lambda' (l1) and c (threshold) of its lookups, the momentum of its norms.

    Weighted layers have no bias, for the batch norm after each has one; only the classifier has.
    """

    l1: float
    threshold: float
    batch_norm_momentum: float

    def conv(
        self,
        x: Any,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dictionary: int | None = None,
    ) -> Any:
        """A convolution with zeros on all four sides; dense without a dictionary, or with one that is too large."""
        if dictionary is not None and sparsity.dictionary_pays(dictionary, filters, (kernel, kernel)):
            return LookupConv2D(
                filters,
                kernel,
                dictionary,
                strides=stride,
                padding=(padding,) * 4,
                l1=self.l1,
                threshold=self.threshold,
                use_bias=False,
                name=name,
            )(x)
        if padding:
            x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
        return layers.Conv2D(filters, kernel, strides=stride, use_bias=False, name=name)(x)

    def dense(self, x: Any, name: str, units: int, dictionary: int | None = None) -> Any:
        """A dense layer; a lookup layer with a dictionary that is not too large."""
        if dictionary is not None and sparsity.dictionary_pays(dictionary, units):
            return LookupDense(units, dictionary, l1=self.l1, threshold=self.threshold, use_bias=False, name=name)(x)
        return layers.Dense(units, use_bias=False, name=name)(x)

    def norm(self, x: Any, name: str) -> Any:
        """Batch norm after the layer `name`."""
        return layers.BatchNormalization(momentum=self.batch_norm_momentum, epsilon=1e-3, name=f"{name}_norm")(x)

    def norm_relu(self, x: Any, name: str) -> Any:
        """Batch norm and ReLU after the layer `name`."""
        return layers.ReLU(name=f"{name}_relu")(self.norm(x, name))


def classifier(image: Any, x: Any, name: str, classes: int, model_name: str) -> keras.Model:
    """The model from `image` to the probabilities of a dense layer `name` on the vector x."""
    logits = layers.Dense(classes, name=name)(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(logits), name=model_name)
