"""Net: a loaded network. Glue between the file, the plan and the caller."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, overload

import numpy as np

from .errors import InputError, NodeNameError, SettingError
from .format.model_file import check_model, read_halves, with_floats
from .images.preprocessing import as_batch, as_inputs
from .interop.loading import from_onnx, is_onnx
from .model.graph import MAX_BYTES, Graph, LookupConv2D, LookupDense, Shape
from .model.work import MAX_MULTIPLICATIONS
from .plan import Plan
from .runtime.precision import checked_precision, choose_precision
from .runtime.threads import checked_threads

if TYPE_CHECKING:
    from .analysis.profile import Profile

__all__ = ["Net", "estimate"]

KEPT_PLANS = 4  # for features: each holds packed weights of its own


class Net:
    """A network, ready to predict. Get one from :meth:`load`.

    It never changes after that: any number of threads may use one Net at once, and one image gives the same bits
    alone, in a batch, and on any number of threads. It can be pickled and copied.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, np.ndarray],
        threads: int | None = None,
        max_bytes: int = MAX_BYTES,
        precision: str = "float32",
        max_multiplications: int = MAX_MULTIPLICATIONS,
    ) -> None:
        """Take a graph and its tensors by name, as ``read_model`` gives them: checked as those of a file, and copied.

        The rest is as in :meth:`load`. Raises ModelFormatError for what breaks a rule of the format, SettingError for
        ``threads``, ``precision`` and the two limits.
        """
        checked_precision(precision)
        checked = check_model(graph, tensors, max_bytes=max_bytes, max_multiplications=max_multiplications)
        self._prepare(*checked, threads, max_bytes, precision, max_multiplications)

    def _prepare(
        self,
        graph: Graph,
        tensors: dict[str, np.ndarray],
        threads: int | None,
        max_bytes: int,
        precision: str,
        max_multiplications: int,
    ) -> None:
        """Make the plan of a model that has been checked, and that nobody else holds."""
        self._graph = graph
        self._tensors = tensors
        self._threads = checked_threads(threads)
        self._max_bytes = max_bytes
        self._max_multiplications = max_multiplications
        self._wanted = precision
        self._plan = Plan(graph, self._tensors, max_bytes=max_bytes, precision=choose_precision(precision))
        self._plans: dict[tuple[str, ...], Plan] = {}  # replaced, never changed

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        threads: int | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        max_multiplications: int = MAX_MULTIPLICATIONS,
        precision: str = "float32",
        input_size: tuple[int, int] | None = None,
    ) -> Net:
        """Load a model file: a path, its bytes, or a file open for reading bytes.

        An ONNX model (a path that ends in .onnx, or its bytes) is converted, as ``from_onnx`` does it; ``input_size``
        (H, W) is for one that leaves its input's size open.

        ``threads``: cores that one call may use, 1 to 256; None means all physical cores that the process may use.
        ``max_bytes``: refuse models whose activations take more; ``max_multiplications``: that compute more for one
        input, which bounds the time of a file from a stranger (the default is ten times the work of the largest
        classifiers). ``precision``: ``"float32"``, ``"bfloat16"``, ``"int8"``, or ``"fastest"`` of these; on a
        processor without instructions for it, float32 is computed, and :attr:`precision` says so. Raises
        FileNotFoundError, ModelFormatError for a file that breaks a rule of the format, SettingError for ``threads``,
        ``precision`` and the two limits, MissingPackageError for an ONNX model without the package onnx.
        """
        checked_precision(precision)
        if is_onnx(source):
            model = from_onnx(source, input_size=input_size)
            return cls(*model, threads, max_bytes, precision, max_multiplications)
        if input_size is not None:
            raise SettingError("expected input_size with an ONNX model alone, got it with a model file, which says it")
        graph, tensors = read_halves(source, max_bytes=max_bytes, max_multiplications=max_multiplications)
        net = cls.__new__(cls)  # without what `__init__` checks: read_halves has
        net._prepare(graph, tensors, threads, max_bytes, precision, max_multiplications)
        return net

    @property
    def name(self) -> str:
        """The network's name."""
        return self._graph.name

    @property
    def graph(self) -> Graph:
        """The network's structure."""
        return self._graph

    @property
    def labels(self) -> list[str] | None:
        """Names of the classes, or None where the file has none."""
        return None if self._graph.labels is None else list(self._graph.labels)

    @property
    def input_shape(self) -> Shape:
        """(H, W, C) of one input."""
        return self._graph.input.shape

    @property
    def output_shape(self) -> Shape:
        """Shape of one result."""
        return self._graph.output_shape

    @property
    def threads(self) -> int:
        """Cores that one call may use."""
        return self._threads

    @property
    def precision(self) -> str:
        """What is computed: the precision asked for, or float32 where the processor lacks the instructions for it."""
        return self._plan.precision

    @overload
    def predict(self, img: Any, on_error: Literal["raise"] = "raise") -> np.ndarray: ...

    @overload
    def predict(self, img: Any, on_error: Literal["skip"]) -> tuple[np.ndarray, np.ndarray]: ...

    @overload
    def predict(self, img: Any, on_error: Literal["return"]) -> Any: ...

    def predict(self, img: Any, on_error: str = "raise") -> Any:
        """Compute the network's result, float32 of ``output_shape``: for a classifier, the probabilities (classes,).

        ``img``: an image as a path, bytes, a file open for reading bytes, a Pillow image or a uint8 array (H, W) or
        (H, W, 1|3|4), which goes through the model's preprocessing; or a float array (H, W, C), or (H, W) where C = 1,
        that is preprocessed already. What has ``__array__`` (a tensor) is taken as that array. A list, generator or
        other iterable of these, or an array with one leading axis more, is a batch and gives (N, *output_shape).

        ``on_error``: what an input that does not fit, cannot be read or is not finite does. ``"raise"`` raises its
        error. ``"skip"`` leaves it out, and gives the results of the M others and where they were: float32
        (M, *output_shape) and integers (M,). ``"return"`` gives a list with a result or an error in each place (for
        an ``img`` that is no batch, that result or error itself).

        Raises InputError for what does not fit and for numbers that are not finite, FileNotFoundError, SettingError
        for ``on_error``.
        """
        if on_error == "raise":
            batch, single = as_batch(img, self.input_shape, self._graph.preprocessing)
            result = self._run(batch)
            return result[0] if single else result
        if on_error not in ("skip", "return"):
            raise SettingError(f"expected on_error to be 'raise', 'skip' or 'return', got {on_error!r}")
        inputs, single = as_inputs(img, self.input_shape, self._graph.preprocessing)
        good = {i: x for i, x in enumerate(inputs) if isinstance(x, np.ndarray)}
        rows = self._run(np.stack(list(good.values()))) if good else np.empty((0, *self.output_shape), np.float32)
        if on_error == "skip":
            return rows, np.array(list(good), dtype=np.intp)
        results: list[Any] = list(inputs)
        for i, row in zip(good, rows, strict=True):
            results[i] = row
        return results[0] if single else results

    def classify(self, img: Any, top: int = 5) -> list[tuple[str, float]] | list[list[tuple[str, float]]]:
        """Give the ``top`` classes, best first, as (label, probability); for a batch, a list of such lists.

        Takes what :meth:`predict` takes. Without labels in the file a class goes by its number. Raises InputError.
        """
        if len(self.output_shape) != 1:
            raise InputError(f"expected a network that gives (classes,) to classify with, got {self.output_shape}")
        if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1:
            raise InputError(f"expected top to be an integer of at least 1, got {top!r}")
        result = self.predict(img)
        return self._ranked(result, int(top)) if result.ndim == 1 else [self._ranked(row, int(top)) for row in result]

    def _ranked(self, probabilities: np.ndarray, top: int) -> list[tuple[str, float]]:
        order = np.argsort(-probabilities, kind="stable")[:top]
        labels = self._graph.labels
        return [(str(i) if labels is None else labels[i], float(probabilities[i])) for i in order]

    def run(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Compute the result for preprocessed input: float32 (H, W, C) or (N, H, W, C) -> (..., *output_shape).

        ``out``: a writable C-ordered float32 array of just that shape to write into, which is returned. Raises
        InputError for what does not fit and for numbers that are not finite; ``out`` then has no meaning.
        """
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            found = f"{x.dtype} array" if isinstance(x, np.ndarray) else type(x).__name__
            raise InputError(
                f"expected a float32 array of shape {self.input_shape}, or a batch, got {found}; images go to predict"
            )
        batch, single = as_batch(x, self.input_shape, None)
        if out is None:
            result = self._run(batch)
            return result[0] if single else result
        self._check_out(out, (*((len(batch),) if not single else ()), *self.output_shape), batch)
        self._run_plan(self._plan, batch, [out])
        return out

    @staticmethod
    def _check_out(out: object, shape: Shape, batch: np.ndarray) -> None:
        if not isinstance(out, np.ndarray):
            raise InputError(f"expected out to be a float32 array of shape {shape}, got {type(out).__name__}")
        if out.dtype != np.float32 or out.shape != shape:
            raise InputError(f"expected out to be a float32 array of shape {shape}, got {out.dtype} of {out.shape}")
        if not out.flags.carray:
            raise InputError("expected out to be writable, aligned and C-ordered; give numpy.empty of its shape")
        if np.may_share_memory(out, batch):
            raise InputError("expected out to be memory of its own, got an array that overlaps the input")

    def features(self, x: Any, node: str | Sequence[str]) -> np.ndarray | dict[str, np.ndarray]:
        """Compute the activation of a node, float32 (H, W, C) or (C,), with a leading axis for a batch.

        Takes what :meth:`predict` takes. A sequence of names gives {name: array}, from one run. The output alone has
        the bits that :meth:`run` gives. Where more is asked for, less is folded and fused, and any value may differ in
        its last bits from that of another request, within the 1e-5 of the largest that all are held to.

        Raises NodeNameError (an InputError and a KeyError) for a name that is no node, InputError for what is no name
        and for none at all.
        """
        names = self._checked_names(node)
        batch, single = as_batch(x, self.input_shape, self._graph.preprocessing)
        plan = self._plan_for(names)
        outputs = [np.empty((len(batch), *shape), np.float32) for shape in plan.output_shapes]
        self._run_plan(plan, batch, outputs)
        results = {name: array[0] if single else array for name, array in zip(names, outputs, strict=True)}
        return results[node] if isinstance(node, str) else results

    def _checked_names(self, node: object) -> tuple[str, ...]:
        """Give the names that ``node`` is or lists, each once."""
        names: list[Any] = [node] if isinstance(node, str) or not isinstance(node, Iterable) else list(node)
        known = ", ".join(list(self._graph.by_name)[:20])
        for name in names:
            if not isinstance(name, str):
                expected = "the name of a node, or a flat list of names such as"
                raise InputError(f"expected {expected} [{self._graph.output!r}], got {type(name).__name__} for a name")
            if name not in self._graph.by_name:
                raise NodeNameError(f"expected the name of a node, one of {known}, got {name!r}")
        if not names:
            raise InputError(f"expected the name of at least one node, one of {known}, got none")
        return tuple(dict.fromkeys(names))

    def summary(self) -> str:
        """Tabulate the nodes: output, dictionary, lookups, density, multiplications by the paper's rule, bytes."""
        from .analysis.cost import cost_of  # here, and so in `profile`, for most programs never ask
        from .analysis.summary import summarize

        costs = cost_of(self._graph, with_floats(self._tensors))
        return summarize(self._graph, costs, sum(cost.bytes for cost in costs))

    def profile(self, x: Any, runs: int = 50, dense: bool = False) -> Profile:
        """Time every step of this network on ``x`` (what :meth:`predict` takes; of a batch, the first).

        Medians over ``runs`` runs of one image. ``dense``: of its dense equivalent, too, the same function with a dense
        layer for every lookup layer; it takes the time and memory of the dense weights. Raises InputError for what
        does not fit, for ``runs`` below 1, and for ``dense`` where there is no lookup layer, or too much for the two
        limits of :meth:`load`.
        """
        from .analysis.profile import profile_network

        if isinstance(runs, bool) or not isinstance(runs, (int, np.integer)) or runs < 1:
            raise InputError(f"expected runs to be an integer of at least 1, got {runs!r}")
        if dense and not any(isinstance(node, (LookupConv2D, LookupDense)) for node in self._graph.nodes):
            raise InputError(
                "expected a network with lookup layers to set beside its dense equivalent, got one without"
            )
        batch, _ = as_batch(x, self.input_shape, self._graph.preprocessing)
        self._run(batch[:1])  # refuses numbers that are not finite
        image = np.require(batch[:1], np.float32, ("C", "ALIGNED"))
        dense_plan = self._dense_plan() if dense else None
        return profile_network(self._graph, self._tensors, self._plan, dense_plan, image, self._threads, int(runs))

    def _dense_plan(self) -> Plan:
        from .interop.dense import check_dense_equivalent, dense_equivalent

        check_dense_equivalent(self._graph, self._max_bytes, self._max_multiplications)
        return Plan(
            *dense_equivalent(self._graph, with_floats(self._tensors)),
            variant=self._plan.variant,
            max_bytes=self._max_bytes,
            precision=self.precision,
        )

    def _run(self, batch: np.ndarray) -> np.ndarray:
        result = np.empty((len(batch), *self.output_shape), np.float32)
        self._run_plan(self._plan, batch, [result])
        return result

    def _run_plan(self, plan: Plan, batch: np.ndarray, outputs: list[np.ndarray]) -> None:
        if batch.dtype != np.float32 or not (batch.flags.c_contiguous and batch.flags.aligned):
            batch = np.require(batch, np.float32, ("C", "ALIGNED"))
        if not plan.run(batch, outputs, self._threads):
            at = next(i for i, image in enumerate(batch) if not np.isfinite(image).all())
            position = tuple(int(i) for i in np.argwhere(~np.isfinite(batch[at]))[0])
            found = f"{batch[at][position]} at {position} of input {at} of {len(batch)}"
            raise InputError(f"expected finite numbers, got {found}")

    def _plan_for(self, names: tuple[str, ...]) -> Plan:
        plan = self._plans.get(names)
        if plan is None:
            plan = Plan(
                self._graph,
                self._tensors,
                outputs=names,
                max_bytes=self._max_bytes,
                precision=self.precision,
                multiplied=self._plan.multiplied,
            )
        # A new dict instead of a lock, which a process forked meanwhile would find held for ever. Of two threads that
        # put a plan here at once, one may make its plan anew the next time.
        others = [(kept, other) for kept, other in self._plans.items() if kept != names]
        self._plans = dict([*others[-(KEPT_PLANS - 1) :], (names, plan)])
        return plan

    def __reduce__(self) -> tuple[Any, ...]:
        limits = self._max_bytes, self._wanted, self._max_multiplications
        return Net, (self._graph, self._tensors, self._threads, *limits)

    def __repr__(self) -> str:
        return f"<Net {self.name!r}: {self.input_shape} -> {self.output_shape}, {len(self._graph.nodes)} nodes>"


def estimate(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    *,
    precision: str = "float32",
    max_bytes: int = MAX_BYTES,
    max_multiplications: int = MAX_MULTIPLICATIONS,
) -> dict[str, float]:
    """Predict what every node of a network takes on one core of this machine, in milliseconds, without running it.

    Takes what ``read_model`` gives. Gives the nodes by name in the order of the graph, first the graph's input: what it
    takes to lay it out; together they are the time of ``net.run`` for one image on one thread. A node that runs as a
    part of another one takes 0, as relu behind a convolution, and so does one that nothing needs. It goes by the plan
    that :meth:`Net.load` would make, and by constants that were fitted on the nearest class of machine
    (``python -m benchmarks.fit_costs`` fits those of another one); which inputs of a dense layer are 0 depends on the
    image: behind relu it takes half of them to be.

    ``precision`` is as in :meth:`Net.load`: float32 where this processor lacks the instructions for it. Raises
    ModelFormatError for what breaks a rule of the format, SettingError for ``precision`` and the two limits,
    which are as in :meth:`Net.load`, too.
    """
    from .analysis.estimate import estimated_nodes  # here, for most programs never ask

    checked_precision(precision)
    graph, checked = check_model(graph, tensors, max_bytes=max_bytes, max_multiplications=max_multiplications)
    return estimated_nodes(graph, checked, precision=choose_precision(precision))
