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


class Sparsity(Section):
    """Take lookups away little by little, to `target` of what the dense equivalents of the lookup layers cost.

    `of`: counted in multiplications of one input, in lookups, or in milliseconds on this machine's core as the engine
    predicts them. From epoch `begin_epoch` to `end_epoch`, fractions too and counted from 0 (None: three quarters of
    all), `every` so many steps. `score`: what an entry is worth, its magnitude or the Taylor estimate of what the loss
    changes by. `regrow`: share of the lookups that come back in each event where the gradient is largest (RigL).
    `dictionaries`: `keep` all atoms, or `shrink`, which gives up those that cost more than they bring;
    `dictionaries_of`: the same by the name of a layer. (To drop a dictionary, give the layer none: model.dictionary:
    none.) It wants model.l1 = 0 and model.threshold = 0.
    """

    target: Annotated[float, Field(gt=0, le=1)]
    of: Literal["lookups", "multiplications", "milliseconds"] = "multiplications"
    begin_epoch: NotNegative = 0.0
    end_epoch: Positive | None = None
    every: Count = 100
    score: Literal["magnitude", "taylor"] = "magnitude"
    regrow: Rate = 0.0
    dictionaries: Literal["keep", "shrink"] = "keep"
    dictionaries_of: dict[str, Literal["keep", "shrink"]] = Field(default={})


class Distillation(Section):
    """Learn from `teacher`, a run folder or a `.keras` file, beside the labels.

    The loss is (1 - weight) * cross entropy + weight * temperature^2 * divergence of both softmaxes at the temperature,
    and feature_weight * the relative mean square error of `features`: layers, with those of the teacher that they are
    to be like.
    """

    teacher: Annotated[str, Field(min_length=1)]
    temperature: Positive = 4.0
    weight: Share = 0.5
    features: dict[str, str] = Field(default={})
    feature_weight: NotNegative = 0.0

    @pydantic.model_validator(mode="after")
    def _features_have_a_weight(self) -> Distillation:
        if bool(self.features) != bool(self.feature_weight):
            raise ValueError("train.distillation: features and a feature_weight over 0 go together")
        return self


class Train(Section):
    """How to train.

    A step takes `batch_size` images, in all (`batch_per` step) or on each replica, in `accumulate` equal parts whose
    gradients are added up. `steps_per_epoch`: None is every image once. `threads` is TensorFlow's intra-op threads,
    None all cores. `strategy` auto is multi-worker where TF_CONFIG names workers, mirrored where there are several
    GPUs, else single; `replicas` are those of one process, None all its GPUs, and processor devices where there is no
    GPU. `average` is the decay of a moving average of the weights, which is then what is evaluated and exported.
    `checkpoint_steps` and `log_steps`: also in the middle of an epoch, after so many steps.

    A checkpoint can be the best one only if its lookup multiplications are at most `max_lookup_multiplications`, and
    once `sparsity` has come to its target.

    `label_smoothing`: this share of a label is spread evenly over all classes. `class_weights`: what an image of each
    class counts in the loss. The figures of the log know neither.

    `mixup`: images and their labels are blended in pairs, with shares from Beta(mixup, mixup) (Zhang et al., 2018; 0.2
    is usual); 0 is none. The training's figures in the log are then those of blends.

    `start_from`: a run folder or a `.keras` file whose layers have the same names; a run begins with its weights,
    lookup layers with what comes nearest to a dense layer's. `dictionaries_from`: a run folder or a `.keras` file whose
    dictionaries the lookup layers get, and keep: those of the layer of the same name, or of the last one of the same
    place that has the same shape (LCNN, section 4.2). `epochs` of a run that is done may grow: it goes on.
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
    start_from: str | None = None
    dictionaries_from: str | None = None
    sparsity: Sparsity | None = None
    distillation: Distillation | None = None
    label_smoothing: Rate = 0.0
    class_weights: list[Positive] | None = None
    mixup: NotNegative = 0.0

    @property
    def sparsity_end(self) -> float:
        """The epochs after which `sparsity` has come to its target."""
        end = self.sparsity.end_epoch if self.sparsity else None
        return 0.75 * self.epochs if end is None else end

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Train:
        epochs = self.optimizer.weight_decay_epochs
        if epochs is not None and epochs[0] > epochs[1]:
            raise ValueError("train.optimizer.weight_decay_epochs must be [first, last]")
        if self.batch_size % self.accumulate:
            raise ValueError(f"train.batch_size must be a multiple of train.accumulate = {self.accumulate}")
        if self.sparsity is not None:
            self._check_sparsity(self.sparsity)
        return self

    def _check_sparsity(self, sparsity: Sparsity) -> None:
        if not sparsity.begin_epoch < self.sparsity_end <= self.epochs:
            raise ValueError(
                f"train.sparsity: expected begin_epoch before end_epoch, and this within train.epochs = {self.epochs}; "
                f"found {sparsity.begin_epoch} and {self.sparsity_end}"
            )
        stops = self.early_stop
        if (stops.accuracy, stops.patience) != (None, None) and stops.from_epoch < self.sparsity_end:
            raise ValueError(
                f"train.early_stop.from_epoch: expected at least {self.sparsity_end:g}, where train.sparsity comes to "
                f"its target; found {stops.from_epoch}"
            )
