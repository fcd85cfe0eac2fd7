"""Damage to files, by a seeded ``random.Random``: to their bytes, to the JSON in them, to their tensors."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tests.helpers.model_files import GraphObject, Tensors, container, unchecked_file

ODD_NUMBERS = [
    0, -0.0, 1, -1, 2, 3, 7, 8, 255, 2**15, 2**30, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**50, -(2**31), 1.0, 0.5,
    1e-46, 1e38, 1e39, True, False,
]  # fmt: skip
ODD_VALUES = [
    None, "", "relu", "leaky_relu", "image", "conv", "flat", "\u0000", "x" * 300, [], {}, [[]], {"a": 1}, [1], [1, 1],
    [2, 2], [1, 1, 1, 1], [3, 0, 0, 3], [10**9] * 4, [2**31 - 1] * 2, ["image"], ["conv", "conv"],
]  # fmt: skip
ODD_INDICES = [0, 1, -1, 5, 2**31 - 1, -(2**31)]
ODD_FLOATS = [0, np.nan, np.inf, 65504, 1e-40, 3e38, -1]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def damage_value(value: Any, rng: random.Random) -> None:
    """Change one value inside a JSON value."""
    everywhere = list(paths(value))
    if not everywhere:
        return
    path = rng.choice(everywhere)
    parent, key = at(value, path[:-1]), path[-1]
    action = rng.randrange(6)
    if action == 0:
        del parent[key]
    elif action == 1:
        parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    elif action == 2:
        parent[key] = copy.deepcopy(at(value, rng.choice(everywhere)))
    elif action == 3 and isinstance(parent, dict):
        parent[rng.choice(["groups", "alpha", "activation", "padding", "x", "dilation"])] = parent[key]
    elif action == 4 and isinstance(parent, list):
        rng.shuffle(parent)
    else:
        parent[key] = rng.choice(ODD_NUMBERS)


def damaged_bytes(intact: bytes, rng: random.Random, tokens: bytes = b'\0\xff"{}[],:0-\\ \n') -> bytes:
    """Flip, replace, remove or repeat bytes, in a few places; ``tokens`` are what others are replaced by."""
    data = bytearray(intact)
    for _ in range(rng.choice([1, 1, 2, 8])):
        position = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[position] ^= 1 << rng.randrange(8)
        elif action == 1:
            data[position] = rng.choice(tokens)
        elif action == 2:
            del data[position : position + rng.choice([1, 4, 100])]
        else:
            data[position:position] = data[: rng.choice([1, 4, 100])]
        data = data or bytearray(1)
    return bytes(data)


def damaged_graph(graph: GraphObject, tensors: Tensors, rng: random.Random) -> bytes:
    """A file whose graph is damaged in a few places, its tensors whole."""
    changed = copy.deepcopy(graph)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        damage_value(changed, rng)
    return unchecked_file(changed, tensors)


def damaged_header(intact: bytes, rng: random.Random) -> bytes:
    """A file whose header is damaged in a few places, or written otherwise, with the data as they were."""
    length = int.from_bytes(intact[:8], "little")
    changed = json.loads(intact[8 : 8 + length])
    for _ in range(rng.choice([0, 1, 1, 2])):
        damage_value(changed, rng)
    return container(changed, intact[8 + length :])


def damaged_tensors(graph: GraphObject, tensors: Mapping[str, np.ndarray], rng: random.Random) -> bytes:
    """A file with a few odd numbers in its tensors."""
    changed = {name: tensor.copy() for name, tensor in tensors.items()}
    for _ in range(rng.choice([1, 1, 2, 4])):
        tensor = changed[rng.choice(list(changed))].reshape(-1)
        if tensor.size:
            odd = ODD_INDICES if tensor.dtype == np.int32 else ODD_FLOATS
            with np.errstate(over="ignore"):
                tensor[rng.randrange(tensor.size)] = rng.choice(odd)
    return unchecked_file(graph, changed)
