"""What both lookup layers share: D, P, the mask of P, the bias, the loss; and how P becomes sparse.

P is made sparse while it trains: its loss is lambda' * epsilon * |P|_1, entries with |P| <= epsilon become 0 (or all
but the s largest of each tap, the paper's other rule), and an entry that was once 0 stays 0. The last rule needs a mask
of its own (`alive`): an optimizer's momentum would push an entry back over epsilon within a few steps. The mask is kept
by a constraint of the variable P, which every Keras optimizer applies after its update, so plain `model.fit` needs no
callback; and because the forward pass multiplies by the mask too, weights that an optimizer averages behind our back
(EMA) revive nothing either. JAX's step is a function of its state, and lets an optimizer see and change the weights
that it trains alone: there the mask is kept by the forward pass of a training step, whose changes of it come back.
"""

# ruff: noqa: N802 - the paper's letters
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from lcnn_train.layers import sparsity
from lcnn_train.layers.arguments import not_negative, one_of, positive

# A function or object, its name, or the config of one, as Keras' get() functions take them; None for none.
Activation = str | Callable[..., Any] | None
Initializer = str | dict[str, Any] | Callable[..., Any]
Regularizer = str | dict[str, Any] | Callable[..., Any] | None
Constraint = str | dict[str, Any] | Callable[..., Any] | None


class _StaysZero(keras.constraints.Constraint):
    """After an update of P: mark the entries that do not survive as dead, for good, and return P without them."""

    def __init__(self, alive: keras.Variable, rule: sparsity.Rule):
        self.alive, self.rule = alive, rule

    def __call__(self, P: Any) -> Any:
        if _masks_in_forward():
            return P
        mask = sparsity.survivors(P, self.alive, self.rule)
        self.alive.assign(mask)
        return ops.where(mask, P, ops.zeros_like(P))


def _masks_in_forward() -> bool:
    return bool(keras.backend.backend() == "jax")


class LookupLayer(keras.layers.Layer):
    """What LookupConv2D and LookupDense share: D, P, the mask, the bias and the loss."""

    def __init__(
        self,
        dictionary: int | None,
        *,
        l1: float,
        threshold: float,
        activation: Activation,
        use_bias: bool,
        bias_initializer: Initializer,
        bias_regularizer: Regularizer,
        bias_constraint: Constraint,
        lookups_per_tap: int | None,
        groups_of: int,
        atoms_of: int,
        **layer: Any,
    ):
        super().__init__(**layer)
        self.dictionary = None if dictionary is None else positive("dictionary", dictionary)
        self.l1 = not_negative("l1", l1)
        self.threshold = not_negative("threshold", threshold)
        self.lookups_per_tap = None if lookups_per_tap is None else positive("lookups_per_tap", lookups_per_tap)
        self.groups_of = one_of("groups_of", groups_of, sparsity.GROUPS_OF)
        self.atoms_of = one_of("atoms_of", atoms_of, sparsity.ATOMS_OF)
        if self.lookups_per_tap is not None and self.lookups_per_tap % self.atoms_of:
            raise ValueError(
                f"lookups_per_tap must be a multiple of atoms_of={self.atoms_of}. "
                f"Received: lookups_per_tap={lookups_per_tap}"
            )
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.probe: Any = None  # added to the sparse P, if set: its gradient is that of entries that are 0, too
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    def _add_weights(self, m: int, kernel_size: tuple[int, ...], n: int) -> None:
        """Make D uniform in +-1/sqrt(m), P uniform in +-sigma, the mask all alive, the bias as its initializer says."""
        k = self.dictionary or m
        P_shape = (*kernel_size, k, n)
        self.epsilon = sparsity.epsilon(P_shape, self.threshold)
        self.rule = sparsity.Rule(self.epsilon, self.lookups_per_tap, self.groups_of, self.atoms_of)
        self.D = None
        if self.dictionary is not None:
            self.D = self.add_weight(
                name="D",
                shape=(*(1 for _ in kernel_size), m, k),
                initializer=keras.initializers.VarianceScaling(scale=1 / 3, mode="fan_in", distribution="uniform"),
            )
        self.alive = self.add_weight(name="alive", shape=P_shape, initializer="ones", dtype="bool", trainable=False)
        # autocast would round P before it meets the threshold, and mixed precision would then prune other entries.
        sigma = sparsity.sigma(P_shape)
        self.P = self.add_weight(
            name="P",
            shape=P_shape,
            initializer=keras.initializers.RandomUniform(-sigma, sigma),
            constraint=_StaysZero(self.alive, self.rule),
            autocast=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(n,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    @property
    def atoms(self) -> int:
        """k, the rows of the dictionary; without one D is the identity, and k = m. Known once the layer is built."""
        return int(self.P.shape[-2])

    def surviving(self) -> Any:
        """Give the boolean mask, P's shape, of which entries of P are lookups now."""
        return sparsity.survivors(self.P, self.alive, self.rule)

    def sparse_P(self) -> Any:
        """Give P without the entries that do not survive: what the layer computes with and what is exported."""
        return sparsity.sparsify(self.P, self.alive, self.rule)

    def penalty(self) -> Any:
        """Give the layer's loss, lambda' * epsilon * |P|_1, a scalar: what it adds to `losses` when it is called."""
        return self.l1 * self.epsilon * sparsity.norm(self.sparse_P(), self.rule.blocks)

    def _loss_and_P(self, training: bool | None) -> Any:
        if training and _masks_in_forward():
            self.alive.assign(self.surviving())
        if self.l1:
            self.add_loss(self.penalty())
        P = self.sparse_P()
        return ops.cast(P if self.probe is None else P + self.probe, self.compute_dtype)

    def _finish(self, Y: Any) -> Any:
        if self.bias is not None:
            Y = ops.add(Y, self.bias)
        return self.activation(Y)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dictionary": self.dictionary,
            "l1": self.l1,
            "threshold": self.threshold,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "lookups_per_tap": self.lookups_per_tap,
            "groups_of": self.groups_of,
            "atoms_of": self.atoms_of,
        }
