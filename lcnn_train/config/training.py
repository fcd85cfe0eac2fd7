"""The `train` section of a configuration."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from lcnn_train.config.schema import Count, NotNegative, Number, Positive, Rate, Section, Share


class Optimizer(Section):
    """`momentum` and `nesterov` are SGD's alone, `initial_accumulator` is Adagrad's.

    `weight_decay` is taken off all weights in the epochs `weight_decay_epochs` = [first, last], counted from 1, or in
    all. Decoupled, it is learning rate * decay * weight, beside the optimizer; else decay * weight is added to the
    gradient, as in the codes of 2017, and passes through the momentum.
    """

    name: Literal["sgd", "adam", "adagrad"] = "sgd"
    momentum: Rate = 0.9
    nesterov: bool = False
    initial_accumulator: NotNegative = 0.1
    weight_decay: NotNegative = 0.0
    weight_decay_epochs: Annotated[list[Count], Field(min_length=2, max_length=2)] | None = None
    decoupled_weight_decay: bool = True


class LearningRate(Section):
    """The learning rate by epoch, the first being 1.

    `constant`: `initial`. `cosine`: from `initial` to `final` over all epochs. `piecewise`: each of `rates` from its
    epoch of `epochs` on. `step`: `initial`, times `factor` after every `every` epochs.

    `scale_by_replicas` multiplies it by the number of replicas. The multiplier grows evenly from `warmup_start` to
    its full value during the first `warmup_epochs`.
    """

    schedule: Literal["cosine", "constant", "piecewise", "step"] = "cosine"
    initial: Positive = 0.02
    final: NotNegative = 0.0
    epochs: list[Count] = Field(default=[])
    rates: list[Positive] = Field(default=[])
    factor: Positive = 0.1
    every: Count = 30
    warmup_epochs: NotNegative = 0.0
    warmup_start: NotNegative = 1.0
    scale_by_replicas: bool = False

    @pydantic.model_validator(mode="after")
    def _piecewise_is_whole(self) -> LearningRate:
        if self.schedule == "piecewise":
            if not self.epochs or self.epochs[0] != 1 or self.epochs != sorted(set(self.epochs)):
                raise ValueError("train.learning_rate.epochs must ascend from 1")
            if len(self.rates) != len(self.epochs):
                raise ValueError("train.learning_rate.rates must have one rate for each of its epochs")
        return self


class EarlyStop(Section):
    """End before the last epoch: once validation accuracy reaches `accuracy`, or has not grown for `patience` epochs.

    Growing means by more than `min_improvement`. Epochs before `from_epoch` are not looked at: while P empties,
    accuracy falls and comes back.
    """

    accuracy: Share | None = None
    patience: Count | None = None
    min_improvement: NotNegative = 0.0
    from_epoch: Count = 1


class Train(Section):
    """How to train.

    A step takes `batch_size` images, in all (`batch_per` step) or on each replica, in `accumulate` equal parts whose
    gradients are added up. `steps_per_epoch`: None is every image once. `threads` is TensorFlow's intra-op threads,
    None all cores. `strategy` auto is multi-worker where TF_CONFIG names workers, mirrored where there are several
    GPUs, else single; `replicas` are those of one process, None all its GPUs, and processor devices where there is no
    GPU. `average` is the decay of a moving average of the weights, which is then what is evaluated and exported.
    `checkpoint_steps` and `log_steps`: also in the middle of an epoch, after so many steps.

    A checkpoint can be the best one only if its lookup multiplications are at most `max_lookup_multiplications`.
    """

    epochs: Count = 12
    steps_per_epoch: Count | None = None
    batch_size: Count = 128
    batch_per: Literal["step", "replica"] = "step"
    accumulate: Count = 1
    seed: Number = 1
    threads: Count | None = None
    deterministic: bool = False
    strategy: Literal["auto", "single", "mirrored", "multi-worker"] = "auto"
    replicas: Count | None = None
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16", "float64"] = "float32"
    average: Rate = 0.0
    optimizer: Optimizer = Optimizer()
    learning_rate: LearningRate = LearningRate()
    early_stop: EarlyStop = EarlyStop()
    checkpoint_steps: Count | None = None
    log_steps: Count = 50
    tensorboard: Literal["auto"] | bool = "auto"
    max_lookup_multiplications: Count | None = None

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Train:
        epochs = self.optimizer.weight_decay_epochs
        if epochs is not None and epochs[0] > epochs[1]:
            raise ValueError("train.optimizer.weight_decay_epochs must be [first, last]")
        if self.batch_size % self.accumulate:
            raise ValueError(f"train.batch_size must be a multiple of train.accumulate = {self.accumulate}")
        return self
