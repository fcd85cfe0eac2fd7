"""Every error the engine raises on purpose; messages say what was expected, what came, and the remedy."""

from __future__ import annotations

__all__ = ["InputError", "LcnnError", "MissingPackageError", "ModelFormatError", "NodeNameError", "SettingError"]


class LcnnError(Exception):
    """Base of all errors of this package."""


class ModelFormatError(LcnnError, ValueError):
    """A model file, or a graph about to be written, breaks a rule of the format."""


class InputError(LcnnError, ValueError):
    """An image or array given to a network does not fit it."""


class SettingError(LcnnError, ValueError):
    """An argument or environment variable (``threads``, ``on_error``, ``LCNN_ISA``) has a value that means nothing."""


class MissingPackageError(LcnnError, ImportError):
    """A package is missing that only some work needs; the message says how to install it."""


class NodeNameError(InputError, KeyError):
    """``features`` was asked for a node that the network does not have."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
