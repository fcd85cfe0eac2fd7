"""Operations that work across the channels of a pixel, or channel by channel: norms, slopes, pools over channels."""

from __future__ import annotations

from dataclasses import dataclass

from .node import Node, Shape, TensorSpec, check_finite, check_integers, node_error

__all__ = [
    "LRN", "BatchNorm", "ChannelMax", "ChannelMean", "ChannelPool", "GroupNorm", "LayerNorm", "Norm", "PRelu",
]  # fmt: skip


class BatchNorm(Node):
    """y = x * scale + shift, per channel, of any shape."""

    op = "batch_norm"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        channels = (inputs[0][-1],)
        return {"scale": TensorSpec("F32", channels), "shift": TensorSpec("F32", channels)}


class PRelu(Node):
    """y = x where x >= 0, else x * slope, per channel, of any shape."""

    op = "prelu"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return {"slope": TensorSpec("F32", (inputs[0][-1],))}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Norm(Node):
    """What norms by their input's own mean and variance share.

    y = (x - mean) / sqrt(variance + epsilon) * scale + shift, scale and shift per channel.
    """

    epsilon: float

    def check(self) -> None:
        super().check()
        check_finite(self, "epsilon")
        if self.epsilon < 0:
            raise node_error(self.name, "epsilon of at least 0", self.epsilon)

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        channels = (inputs[0][-1],)
        return {"scale": TensorSpec("F32", channels), "shift": TensorSpec("F32", channels)}


class LayerNorm(Norm):
    """Over the last axis, of every pixel by itself, of any shape."""

    op = "layer_norm"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GroupNorm(Norm):
    """Over the image and the channels of each of ``groups``."""

    op = "group_norm"
    rank = 3
    groups: int

    def check(self) -> None:
        super().check()
        check_integers(self, "groups", 1)

    def _shape(self, *inputs: Shape) -> Shape:
        if inputs[0][-1] % self.groups:
            raise node_error(self.name, f"input channels {inputs[0][-1]} to be a multiple of groups", self.groups)
        return inputs[0]


class ChannelPool(Node):
    """What pools over channels share: one number for each pixel. (H, W, C) -> (H, W, 1)."""

    rank = 3

    def _shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:2], 1)


class ChannelMax(ChannelPool):
    """The max of every pixel."""

    op = "channel_max"


class ChannelMean(ChannelPool):
    """The mean of every pixel."""

    op = "channel_mean"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LRN(Node):
    """Local response normalization: y = x / (bias + alpha * sum of x^2 over 2*depth_radius+1 channels)^beta."""

    op = "lrn"
    rank = 3
    depth_radius: int
    bias: float
    alpha: float
    beta: float

    def check(self) -> None:
        super().check()
        check_integers(self, "depth_radius", 0)
        for attribute in ("bias", "alpha", "beta"):
            check_finite(self, attribute)
