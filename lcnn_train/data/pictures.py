"""Pictures to network input, by the model file's preprocessing: the one definition that trainer and engine share."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image


def resized(image: np.ndarray, preprocessing: dict[str, Any]) -> np.ndarray:
    """One uint8 picture (H, W) resized: uint8 (height, width, channels). Pillow's filters, not TensorFlow's."""
    height, width = preprocessing["resize"]["size"]
    picture = Image.fromarray(image).convert(preprocessing["mode"])
    filters = Image.Resampling[preprocessing["resize"]["resample"].upper()]
    return np.asarray(picture.resize((width, height), filters)).reshape(height, width, -1)


def normalized(images: Any, preprocessing: dict[str, Any]) -> Any:
    """float32 (x * scale - mean) / std over the last axis; an array or a tensor of floats."""
    mean, std = (np.asarray(preprocessing[key], np.float32) for key in ("mean", "std"))
    return (images * np.float32(preprocessing["scale"]) - mean) / std
