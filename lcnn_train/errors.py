"""The trainer's errors: each says what was expected, what came, and the remedy where one is known."""

from __future__ import annotations

from lcnn_engine.errors import LcnnError


class ConfigError(LcnnError, ValueError):
    """A configuration has an unknown key, a value of the wrong type, or values that do not fit together."""


class DataError(LcnnError, ValueError):
    """A data set is missing, damaged, or does not fit the model."""


class RunError(LcnnError, ValueError):
    """A run folder or checkpoint cannot be used as asked."""


class UntrustedError(RunError):
    """A file of somebody else would run code of its own, or read other files, if it were loaded."""


class TrainingError(LcnnError, RuntimeError):
    """A training could not go on, though it was asked for rightly: the other workers are lost, say."""


class DivergedError(TrainingError):
    """A training's loss or weights are no longer finite numbers."""


class ExportError(LcnnError, ValueError):
    """A layer, or a use of it, has no counterpart in the model file."""


class VerificationError(ExportError):
    """A model file is not of a model, or the engine does not compute from it what Keras does."""
