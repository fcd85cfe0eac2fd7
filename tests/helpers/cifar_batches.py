"""CIFAR-10 and CIFAR-100 in both forms, made by a seed."""

from __future__ import annotations

import pickle

import numpy as np

from lcnn_train.data import cifar

RNG = np.random.default_rng(3)
NAMES = {"cifar10": [f"class{n}" for n in range(10)], "cifar100": [f"fine{n}" for n in range(100)]}
COUNT = 4  # images in a batch


def write(folder, dataset, binary, count=COUNT):
    """Write both parts; return images (N, 32, 32, 3) and labels of the training part."""
    layout = cifar.SETS[dataset]
    root = folder / layout.folders[binary]
    root.mkdir(parents=True)
    images, labels = [], []
    for part, batches in layout.batches.items():
        for name in batches:
            planes = RNG.integers(0, 256, (count, 3, 32, 32), np.uint8)
            own = RNG.integers(0, layout.classes, count)
            data = planes.reshape(count, -1)
            if binary:
                coarse = [np.full((count, 1), 7)] * (layout.label_bytes - 1)
                records = np.concatenate([*coarse, own[:, None], data], axis=1).astype(np.uint8)
                (root / f"{name}.bin").write_bytes(records.tobytes())
            else:
                batch = {b"data": data, layout.key.encode(): own.tolist(), b"batch_label": b"x"}
                (root / name).write_bytes(pickle.dumps(batch, protocol=2))
            if part == "train":
                images.append(planes.transpose(0, 2, 3, 1))
                labels.append(own)
    pickled, key, text = layout.names
    if binary:
        (root / text).write_text("\n".join(NAMES[dataset]) + "\n")
    else:
        (root / pickled).write_bytes(pickle.dumps({key: NAMES[dataset]}, protocol=2))
    return root, np.concatenate(images), np.concatenate(labels)
