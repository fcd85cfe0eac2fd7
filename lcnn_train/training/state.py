"""All that a training is at a moment: the model, its optimizer, averages and loss scale; written, read and shared."""

from __future__ import annotations

import json

import keras

from lcnn_train.config.training import Train
from lcnn_train.errors import RunError
from lcnn_train.training.averages import WeightAverages
from lcnn_train.training.checkpoints import Progress, model_variables, optimizer_variables, restore
from lcnn_train.training.distribute import Replicas
from lcnn_train.training.extras import make_labels, make_mixup, make_pruning, make_teaching
from lcnn_train.training.optimizers import LossScale, Update, WeightDecay, make_optimizer
from lcnn_train.training.run_folder import Run
from lcnn_train.training.schedules import learning_rate
from lcnn_train.training.step import TrainingStep


class TrainingState:
    """Made in the scope of the strategy from a model as it begins; `steps` is those of an epoch.

    `teacher` is what settings.distillation names. Raises ConfigError for one that does not fit the model, and for a
    sparsity that it cannot come to.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: Train,
        replicas: Replicas,
        batch_size: int,
        steps: int,
        teacher: keras.Model | None = None,
    ):
        self.model, self.settings, self.replicas = model, settings, replicas
        rate = learning_rate(settings.learning_rate, settings.epochs, steps, replicas.count)
        self.optimizer = make_optimizer(settings.optimizer, rate)
        self.optimizer.build(model.trainable_variables)
        self.averages = WeightAverages(model, settings.average, replicas.strategy) if settings.average else None
        self.loss_scale = LossScale() if settings.precision == "mixed_float16" else None
        update = Update(self.optimizer, rate, WeightDecay(settings.optimizer, steps), replicas.strategy)
        teaching = make_teaching(model, teacher, settings.distillation)
        self.step = TrainingStep(
            model,
            update,
            replicas,
            batch_size,
            settings.accumulate,
            self.averages,
            self.loss_scale,
            teaching,
            make_labels(model, settings),
            make_mixup(settings),
        )
        self.pruning = make_pruning(settings, self.step, steps)

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """By their names in a checkpoint."""
        named = model_variables(self.model) | optimizer_variables(self.optimizer)
        if self.averages is not None:
            named |= {f"average/{name}": average for name, (_, average) in self.averages.pairs.items()}
        if self.loss_scale is not None:
            named |= {f"loss_scale/{v.name}": v for v in self.loss_scale.variables}
        return named

    def save(self, run: Run, progress: Progress) -> None:
        """Write a checkpoint and the log; for the chief."""
        run.checkpoints.save(self.variables, progress)
        run.write_log(progress.history)

    def resume(self, run: Run) -> Progress:
        """Go on from the chief's newest checkpoint, or from the beginning; every worker calls it."""
        found = self._read(run) if self.replicas.is_chief else ""
        text = self.replicas.share_text(found)
        progress = Progress(replicas=self.replicas.count)
        if text:
            progress = Progress(**json.loads(text))
            self._check_replicas(progress)
            self.replicas.share(list(self.variables.values()))
        self.replicas.spread_seeds(self.model)
        return progress

    def _read(self, run: Run) -> str:
        newest = run.checkpoints.newest()
        if newest is None:
            return ""
        progress = restore(self.variables, newest)
        run.checkpoints.tidy(progress)
        run.write_log(progress.history)
        return progress.to_json()

    def _check_replicas(self, progress: Progress) -> None:
        matters = self.settings.batch_per == "replica" or self.settings.learning_rate.scale_by_replicas
        if matters and progress.replicas != self.replicas.count:
            raise RunError(
                f"expected the {progress.replicas} replicas that this run began with, as its batches or learning rate "
                f"go by them; found {self.replicas.count}"
            )
