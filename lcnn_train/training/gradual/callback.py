"""Gradual sparsity under plain `model.fit`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from lcnn_train.training.gradual.costs import CostOf
from lcnn_train.training.gradual.gradients import dense_gradients
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner


class GradualSparsity(keras.callbacks.Callback):
    """Take lookups away while a model of lookup layers is trained by `fit`, until `target` of their cost is left.

    The layers should have no threshold and no loss of their own: lookup_model(model, None, threshold=0, l1=0) starts
    from trained dense weights, without dictionaries. Any backend of Keras will do, compiled steps as well.

    Args:
        target: the share of the cost of the layers' dense equivalents that is left in the end, over 0 and at most 1.
        begin, end: steps of the optimizer at which it begins and the target is reached; None for `end` is three
            quarters of the steps of this fit.
        every, of, score, regrow, dictionaries, dictionaries_of: as in GradualSettings.
        data: a batch (x, y) that gradients are taken on in each event; for score="taylor" and for regrow. Take some
            hundred examples.

    It adds `share_of_<of>` to an epoch's logs. All that changes is in the model and in the optimizer's count of steps,
    so a fit that goes on from a saved model with its optimizer (BackupAndRestore, model.save) takes away the same
    lookups as one that was never interrupted. `end` must then be given.

    Raises ValueError for arguments that do not fit, and when `fit` begins for a model without lookup layers and a
    target that cannot be reached, with the nearest that can. Warns if `fit` ends before the target is reached.
    """

    def __init__(
        self,
        target: float,
        *,
        begin: int = 0,
        end: int | None = None,
        every: int = 100,
        of: str | CostOf = "multiplications",
        score: str = "magnitude",
        regrow: float = 0.0,
        dictionaries: str = "keep",
        dictionaries_of: Mapping[str, str] | None = None,
        data: tuple[Any, Any] | None = None,
    ):
        super().__init__()
        self._end, self._data = end, data
        self._given: dict[str, Any] = {
            "target": target,
            "begin": begin,
            "every": every,
            "of": of,
            "score": score,
            "regrow": regrow,
            "dictionaries": dictionaries,
            "dictionaries_of": dictionaries_of or {},
        }
        settings = GradualSettings(end=begin + 1 if end is None else end, **self._given)
        if data is None and (settings.score == "taylor" or settings.regrow):
            raise ValueError('data: expected a batch (x, y) for score="taylor" and for regrow; found None')
        self._first = self._step = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.pruner = Pruner(self.model, GradualSettings(end=self._last_step(), **self._given))
        self._step = int(self.model.optimizer.iterations)

    def _last_step(self) -> int:
        """The step at which the target is reached."""
        if self._end is not None:
            return self._end
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        if not epochs or not steps:
            raise ValueError("end: expected a number of steps, as fit does not know how many there will be; found None")
        return max(int(self._given["begin"]) + 1, epochs * steps * 3 // 4)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._first = self._step = int(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        before, self._step = self._step, self._first + batch + 1
        if self.pruner.settings.is_due(before, self._step):
            self._bring_back()
            self.pruner.prune(self._step, self._gradients())

    def _bring_back(self) -> None:
        """Have the weights in the model: JAX keeps them elsewhere during an epoch, and looks for them here then."""
        sync = getattr(self.model, "jax_state_sync", None)
        if sync is not None:
            sync()

    def _gradients(self) -> Any:
        if not self.pruner.needs_gradients or self._data is None:
            return None
        x, y = (keras.tree.map_structure(keras.ops.convert_to_tensor, part) for part in self._data)
        return dense_gradients(
            self.pruner.layers,
            lambda: self.model.compute_loss(x=x, y=y, y_pred=self.model(x, training=False), training=False),
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            of = self.pruner.settings.of
            logs[f"share_of_{of if isinstance(of, str) else 'cost'}"] = self.pruner.share()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        end = self.pruner.settings.end
        if self._step < end:
            warnings.warn(
                f"GradualSparsity: fit ended after step {self._step}, and the target is reached after step {end}; the "
                f"layers cost {self.pruner.share():.4f} now",
                stacklevel=2,
            )
