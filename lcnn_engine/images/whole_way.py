"""The whole way from an image to the answer: a model file's decoding and resizing beside a training pipeline's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["WholeWay", "ways_apart"]


@dataclass(frozen=True)
class WholeWay:
    """How far the two ways are apart, over all images.

    ``inputs``: the largest difference of what the network is given; None where the two differ in shape, as where a
    Keras model's own head prepares images too. ``outputs``: the largest difference of the outputs, of the largest
    |output|. ``same`` of ``count`` have the same answer.
    """

    inputs: float | None
    outputs: float
    same: int
    count: int

    def __str__(self) -> str:
        inputs = "" if self.inputs is None else f"inputs differ by up to {self.inputs:.2g}, "
        return (
            f"from the images on, beside the training pipeline: {inputs}outputs by {self.outputs:.1e} of the largest; "
            f"{self.same} of {self.count} with the same answer"
        )


def ways_apart(
    found: np.ndarray | None, given: np.ndarray | None, outputs: np.ndarray, expected: np.ndarray
) -> WholeWay:
    """Compare the inputs that the file's way ``found`` with those ``given``, (N, H, W, C) or None, and what came of
    both, (N, ...)."""
    outputs, expected = outputs.reshape(len(outputs), -1), expected.reshape(len(expected), -1)
    return WholeWay(
        inputs=None if found is None or given is None else float(np.abs(given - found).max()),
        outputs=float(np.abs(outputs - expected).max() / (np.abs(expected).max() or 1.0)),
        same=int((outputs.argmax(1) == expected.argmax(1)).sum()),
        count=len(outputs),
    )
