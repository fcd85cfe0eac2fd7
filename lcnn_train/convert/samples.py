"""A model and its copy, run side by side over samples: each layer of the copy is fitted to what the model's gives.

Layers are taken in the order in which they run. A layer's inputs are those that the copy gives it, whose layers before
are fitted already, and the outputs that it is fitted to are the model's: so it makes up for what they lost. Where a
batch norm follows, its statistics become those of the new outputs. Between two layers the values that are still wanted
lie in files of a temporary folder, so memory holds one batch of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lcnn_train.convert.gram import Collector, Moments, windows
from lcnn_train.keras_graph.graph import functional_graph, output_specs, walk
from lcnn_train.keras_graph.kinds import is_augmentation

_BATCH = 32
_ROWS = 10  # of a layer's inputs for each of their columns, if there are so many, and
_LEAST_ROWS = 4000  # so many in any case


@dataclass(frozen=True)
class Step:
    """One call of a layer or an operation: the numbers of the values that it takes and gives, and its arguments."""

    operation: Any
    arguments: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shapes: tuple[tuple[Any, ...], ...]  # of the first input and the first output, without the batch

    def run(self, operation: Any, values: dict[int, Any]) -> None:
        """Run it outside of training, by an operation that stands in the place of its own."""
        if is_augmentation(operation):
            values |= {given: values[taken] for given, taken in zip(self.outputs, self.inputs, strict=True)}
            return
        tensors = self.arguments.keras_tensors
        given = {id(tensor): values[number] for tensor, number in zip(tensors, self.inputs, strict=True)}
        args, kwargs = self.arguments.fill_in(given)
        if "training" in kwargs:
            kwargs = {**kwargs, "training": False}
        values |= zip(self.outputs, keras.tree.flatten(operation(*args, **kwargs)), strict=True)


def steps_of(model: keras.Model) -> tuple[list[int], list[Step]]:
    """List the numbers of a model's inputs, and its steps in the order in which they run."""
    graph = functional_graph(model)
    values = {id(tensor): number for number, tensor in enumerate(graph.inputs)}
    inputs, specs = list(values.values()), dict(enumerate(graph.inputs))
    steps = []
    for node, known in walk(graph, values, count(len(values))):
        taken = tuple(known[id(tensor)] for tensor in node.arguments.keras_tensors)
        given = tuple(known[id(tensor)] for tensor in node.outputs)
        specs |= zip(given, output_specs(node, known, specs), strict=True)
        shapes = tuple(specs[number].shape[1:] for number in (*taken[:1], *given[:1]))
        steps.append(Step(node.operation, node.arguments, taken, given, shapes))
    return inputs, steps


def shapes_of_calls(model: keras.Model) -> dict[Any, list[tuple[tuple[Any, ...], ...]]]:
    """List the shapes of input and output, without the batch, of each call of each layer; of no graph, of none."""
    found: dict[Any, list[tuple[tuple[Any, ...], ...]]] = {}
    for step in steps_of(model)[1] if functional_graph(model) is not None else ():
        found.setdefault(step.operation, []).append(step.shapes)
    return found


def checked(model: keras.Model, samples: Any) -> list[np.ndarray]:
    """Give the samples as an array for each input, as the model takes them.

    Raises ValueError, with what it expected, for other shapes, for none, and for values that are not finite.
    """
    inputs = functional_graph(model).inputs
    if isinstance(samples, Mapping):
        names = [tensor.name for tensor in inputs]
        if set(samples) != set(names):
            raise ValueError(f"samples: expected an array for each of {', '.join(names)}; found {', '.join(samples)}")
        samples = [samples[name] for name in names]
    arrays = list(samples) if isinstance(samples, list | tuple) and len(inputs) > 1 else [samples]
    if len(arrays) != len(inputs):
        raise ValueError(f"samples: expected {len(inputs)} arrays, one for each input; found {len(arrays)}")
    pairs = zip(inputs, arrays, strict=True)
    found = [_checked(tensor, array).astype(tensor.dtype) for tensor, array in pairs]
    if len({len(array) for array in found}) > 1:
        raise ValueError(f"samples: expected as many of each input; found {', '.join(str(len(a)) for a in found)}")
    return found


def _checked(tensor: Any, samples: Any) -> np.ndarray:
    try:
        array = np.asarray(samples)
        numbers = array.dtype.kind in "fiub"
    except ValueError:  # of several shapes
        numbers = False
    wanted = ", ".join("any" if size is None else str(size) for size in tensor.shape[1:])
    expected = f"samples: expected an array (pictures, {wanted}) of at least one picture, as the model takes them"
    if not numbers:
        raise ValueError(f"{expected}; found no array of numbers. Pictures without labels: dataset.map(lambda x, y: x)")
    fits = array.ndim == len(tensor.shape) and all(
        own in (None, size) for own, size in zip(tensor.shape[1:], array.shape[1:], strict=True)
    )
    if not fits or not len(array):
        raise ValueError(f"{expected}; found one of shape {array.shape}")
    if not np.isfinite(array).all():
        picture = int(np.argwhere(~np.isfinite(array))[0][0])
        raise ValueError(f"{expected}; found a value in picture {picture} that is not finite")
    return array


class SideBySide:
    """A model and its copy on samples: what each of some layers is given, and what it should give.

    copies: what stands in the copy for each layer of the model; None where there is none, and the model alone is run.
    layers: those whose inputs are wanted.
    """

    def __init__(
        self, model: keras.Model, copies: Mapping[Any, Any] | None, layers: Sequence[Any], samples: list[np.ndarray],
        seed: int,
    ):  # fmt: skip
        self._inputs, self._steps = steps_of(model)
        self._copies, self._samples, self._seed = copies, samples, seed
        self._waiting = set(layers)  # layers that the copy runs as the model has them, until they are fitted
        self._stops = [at for at, step in enumerate(self._steps) if step.operation in self._waiting]
        self._collectors: dict[Any, Collector] = {}

    def norm_after(self, layer: Any) -> Any:
        """Find the batch norm of the model through which alone the outputs of a layer go on; None if there is none."""
        calls = [step for step in self._steps if step.operation is layer]
        readers = [step for step in self._steps if set(step.inputs) & set(calls[0].outputs)]
        if len(calls) != 1 or len(readers) != 1 or layer.activation is not keras.activations.linear:
            return None
        norm = readers[0].operation
        alone = sum(step.operation is norm for step in self._steps) == 1
        own = type(norm) is keras.layers.BatchNormalization and norm.axis in (-1, len(norm.input.shape) - 1)
        return norm if own and alone else None

    def makes_up_for_means(self, layer: Any) -> bool:
        """Whether a bias or a batch norm can take back what a layer's outputs lose on average."""
        return layer.bias is not None or self.norm_after(layer) is not None

    def each(self) -> Iterator[tuple[Any, Moments]]:
        """Give each layer with its moments, in order; it is to be fitted before the next one is asked for."""
        with tempfile.TemporaryDirectory(prefix="lcnn-samples-") as folder:
            before = 0
            for stop in self._stops:
                self._advance(Path(folder), before, stop)
                before, layer = stop, self._steps[stop].operation
                if any(self._steps[later].operation is layer for later in self._stops if later > stop):
                    continue
                yield layer, self._collectors.pop(layer).moments(self.makes_up_for_means(layer))
                self._waiting.discard(layer)

    def _advance(self, folder: Path, before: int, stop: int) -> None:
        """Run both from one stop to the next, batch by batch, and add to the moments of the layer there."""
        step = self._steps[stop]
        wanted = {number for later in self._steps[stop:] for number in later.inputs}
        collector = self._collectors.setdefault(step.operation, Collector(*kernel_of(step.operation)))
        total, columns = len(self._samples[0]), int(np.prod(step.operation.kernel.shape[:-1]))
        most = -(-max(_ROWS * columns, _LEAST_ROWS) // total)
        for start in range(0, total, _BATCH):
            rows = []
            for copies in ({},) if self._copies is None else ({}, self._copies):
                file = folder / f"{'copy' if copies else 'model'}-{start}.npz"
                values = self._values(file, start, before)
                for each in self._steps[before:stop]:
                    own = each.operation
                    each.run(own if own in self._waiting else copies.get(own, own), values)
                known = {number: _numpy(value) for number, value in values.items() if number in wanted}
                np.savez(file, allow_pickle=False, **{str(number): value for number, value in known.items()})
                rows.append(windows(step.operation, known[step.inputs[0]], most, self._seed + start))
            collector.add(rows[-1], rows[0])

    def _values(self, file: Path, start: int, before: int) -> dict[int, Any]:
        """The values that are known at a stop, of a batch."""
        if not before and not file.exists():
            batch = (array[start : start + _BATCH] for array in self._samples)
            return dict(zip(self._inputs, map(keras.ops.convert_to_tensor, batch), strict=True))
        with np.load(file) as known:
            return {int(number): keras.ops.convert_to_tensor(known[number]) for number in known.files}


def kernel_of(layer: Any) -> tuple[np.ndarray, int]:
    """Give the kernel of a Conv2D or a Dense layer as (n, taps * m), float64, and the number of its taps."""
    kernel = _numpy(layer.kernel).astype(np.float64)
    m, n = kernel.shape[-2:]
    return np.ascontiguousarray(kernel.reshape(-1, n).T), kernel.size // (m * n)


def _numpy(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values))
