"""What measured steps say of whole trainings: memory at the configuration's batch, hours here and on one GPU.

The projection rests on one published figure, what one GPU makes of the dense ResNet-50, and takes a configuration to be
as many times as fast there as it is here. Lookup layers are trained as dense products of D and P, as on any device, so
the proportion holds as far as a GPU is equally busy with large layers and small ones; with small ones it is less so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .steps import IMAGES

REFERENCE = "imagenet-resnet50-dense"
GPU = "one NVIDIA A100 40 GB, TF32 and XLA"
GPU_IMAGES_PER_SECOND = 909.0
"""Of ResNet-50 v1.5 in training, batch 256: NVIDIA, DeepLearningExamples, TensorFlow/Classification/ConvNets."""
HOUR = 3600.0
MIB_OF_GIB = 1024


@dataclass(frozen=True)
class Cost:
    """What a configuration takes on a core here, and in a whole training here and on the GPU."""

    name: str
    milliseconds: float
    """Of a picture."""
    step_seconds: float
    """Of a step at the configuration's own batch."""
    images_per_second: float
    gib: float
    """At the configuration's own batch."""
    gpu_images_per_second: float
    core_hours: float
    gpu_hours: float


def of_picture(row: Mapping[str, Any]) -> float:
    """Return the seconds of one more picture, so that what a step takes besides its pictures does not count."""
    return _slope(row, "seconds")


def at_batch(row: Mapping[str, Any], key: str, batch: int) -> float:
    """Continue the line through the smallest and the largest measured batch's ``key`` to another batch."""
    last = row["steps"][-1]
    return float(last[key] + _slope(row, key) * (batch - last["batch"]))


def _slope(row: Mapping[str, Any], key: str) -> float:
    """Return how much a picture adds to ``key``; where one batch was measured, its share of the whole.

    So too where noise has made the larger batch the cheaper one.
    """
    first, last = row["steps"][0], row["steps"][-1]
    more = last["batch"] - first["batch"]
    slope = (last[key] - first[key]) / more if more else 0.0
    return float(slope if slope > 0 else last[key] / last["batch"])


def cost_of(row: Mapping[str, Any], reference: Mapping[str, Any]) -> Cost:
    """Project a measured configuration; ``reference`` is that of ``REFERENCE``."""
    picture, pictures = of_picture(row), IMAGES * row["epochs"]
    on_gpu = GPU_IMAGES_PER_SECOND * of_picture(reference) / picture
    return Cost(
        row["name"],
        1e3 * picture,
        at_batch(row, "seconds", row["batch_size"]),
        1 / picture,
        at_batch(row, "peak_mib", row["batch_size"]) / MIB_OF_GIB,
        on_gpu,
        pictures * picture / HOUR,
        pictures / on_gpu / HOUR,
    )
