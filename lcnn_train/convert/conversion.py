"""Any Keras model with lookup layers in the place of its convolutions and dense layers, starting from its weights.

Legend: D dictionary (k, m), P sparse tensor, W the dense kernel, n filters, m input channels, kh x kw the kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lcnn_engine.utils.text import table
from lcnn_train.convert import factorization as factoring
from lcnn_train.convert.calibration import assign, assign_bias, calibrated, fit, weight_error
from lcnn_train.convert.copying import copied_model, copy_weights
from lcnn_train.convert.deciding import AUTO, Decision, Wanted, decide
from lcnn_train.convert.gram import Moments
from lcnn_train.convert.samples import checked, kernel_of
from lcnn_train.convert.selection import Choice, ConversionOptions, Dictionary, Skip, choose
from lcnn_train.convert.separation import separated
from lcnn_train.keras_graph.copying import config_of, copied
from lcnn_train.keras_graph.graph import functional_graph
from lcnn_train.layers import sparsity
from lcnn_train.layers.lookup import LookupConv2D, LookupDense
from lcnn_train.utils.progress import shown

# What a lookup layer takes over from the layer whose place it takes.
_KEPT = (
    "name",
    "trainable",
    "dtype",
    "activation",
    "use_bias",
    "bias_initializer",
    "bias_regularizer",
    "bias_constraint",
    "activity_regularizer",
)
_FAR = 0.5
"""Of |W - P D| / |W|: a small inverted-residual network lost 1% of its accuracy below, 20 to 90% above. And of the size
of a layer's outputs, where samples say it."""
_NAMED = 5
_KEPT_BY_CONVOLUTIONS = ("filters", "kernel_size", "strides", "padding", "dilation_rate")


@dataclass(frozen=True)
class LayerReport:
    """What became of one layer.

    `lookup` says whether it is a lookup layer now; if so `dictionary` is k (None: no dictionary), `lookups` the number
    of its lookups, `density` their share of P, and `error` is |W - P D| / |W| of the start, None if it starts at
    random. `output_error` is |Y' - Y| / |Y| of its outputs for the samples, its inputs those that the layers before it
    give now; None without samples. `why` is the reason why a layer stayed as it was, or a remark.
    """

    name: str
    kind: str
    lookup: bool
    dictionary: int | None = None
    lookups: int = 0
    density: float = 0.0
    error: float | None = None
    why: str = ""
    output_error: float | None = None


@dataclass(frozen=True)
class LookupReport:
    """What lookup_model did with each layer that has a kernel, in the model's order; str() is a table.

    `note` says what of the model's own class is not in the copy; empty where nothing is lost.
    """

    layers: tuple[LayerReport, ...]
    note: str = ""

    @property
    def far(self) -> tuple[LayerReport, ...]:
        """The layers that start farther than 0.5 |W| from their weights, the farthest first."""
        found = (layer for layer in self.layers if layer.error is not None and layer.error > _FAR)
        return tuple(sorted(found, key=lambda layer: -(layer.error or 0.0)))

    def __str__(self) -> str:
        rows = []
        for layer in self.layers:
            cells = ("", "", "", "", "")
            if layer.lookup:
                k = "none" if layer.dictionary is None else f"{layer.dictionary:,}"
                errors = ["" if value is None else f"{value:.4f}" for value in (layer.error, layer.output_error)]
                cells = (k, f"{layer.lookups:,}", f"{layer.density:.4f}", errors[0], errors[1])
            rows.append((layer.name, layer.kind, "lookup" if layer.lookup else "as it was", layer.why, *cells))
        headings = ("layer", "kind", "now", "why", "k", "lookups", "density", "error", "of outputs")
        shown_to = None if any(layer.output_error is not None for layer in self.layers) else -1
        text = table(headings[:shown_to], [row[:shown_to] for row in rows], left=4)
        return f"{text}\n{self.note}" if self.note else text


def lookup_model(
    model: keras.Model,
    dictionary: Dictionary = AUTO,
    *,
    l1: float | Mapping[str, float] = 0.3,
    threshold: float | Mapping[str, float] = 0.001,
    skip: Skip = (),
    lookups_per_tap: int | Mapping[str, int | None] | None = None,
    groups_of: int | Mapping[str, int] = 1,
    atoms_of: int | Mapping[str, int] = 1,
    samples: Any = None,
    error: float | None = None,
    budget: float | None = None,
    of: str = "multiplications",
    from_weights: bool = True,
    seed: int = 0,
) -> keras.Model:
    """Copy a Sequential or functional model with lookup layers in the place of Conv2D and Dense, names kept.

    A SeparableConv2D becomes a DepthwiseConv2D, NAME_depthwise, and a lookup layer in the place of its pointwise half.

    A layer's trained kernel W is factored into D and P, as near as these allow. Without `lookups_per_tap` that is the
    best of its k there is (truncated SVD); with k = m nothing is lost. With it, P has exactly so many lookups in each
    tap, found by orthogonal matching pursuit. How near the copy starts to the model's accuracy depends on the error
    |W - P D| / |W| of its layers and on the network: one of small, redundant tasks bears much, one of thin layers
    little (an inverted-residual network on digits, 96.7%: 95.6% where no layer's error was above 0.38, 75% with one of
    0.54, 23% with four above 0.5). A warning names the layers whose error is above 0.5; that of every layer is in the
    report: print(lookup_report(result)).

    P is scaled to a root mean square of sigma = 1/sqrt(kh*kw*k), and all rows of D to one length: epsilon is then c
    times the typical lookup, and the entries that fall under it at once are those that add least.

    With `samples`, a few hundred pictures without labels, the least error is not that of W but that of each layer's
    outputs for them, layer by layer, each given what the layers before it give now; biases and batch norms are
    corrected. Without training that keeps far more of a deep model's accuracy than its weights alone can.
    With `error` or `budget`, how many lookups a layer gets is chosen too, and its k where `dictionary` is left out.

    The last dense layers stay dense unless `dictionary` names them; so does a layer whose dictionary would save nothing
    (k >= n*kh*kw). Everything else that is no plain Conv2D, SeparableConv2D or Dense is copied. The model itself is not
    changed; the copy is not compiled.

    Args:
        model: Sequential or functional, with models inside it or layers that it shares, of any inputs and outputs.
        dictionary: k for every layer; or a dict of k by layer name, other layers staying dense; or a function of the
            layer. In each, None means no dictionary, a pruned convolution; "dense" leaves a layer as it is. Left out:
            chosen for each layer, by error or budget.
        l1, threshold: lambda' and c, as in LookupConv2D.
        skip: names of layers to leave as they are, or a function of the layer that says so.
        lookups_per_tap: s; keep exactly so many lookups in each tap instead of those above the threshold.
        groups_of: 1, 2, 4, 8, 16 or 32 neighbouring filters share the indices of their lookups.
        atoms_of: 1, or 2: lookups come in pairs of neighbouring atoms.
        samples: an array (pictures, height, width, channels) as the model takes it; for several inputs a list, or a
            dict by their names. Take other pictures than accuracy is counted on.
        error: of a layer's outputs for the samples (of its weights without), |Y' - Y| / |Y|; each layer becomes the
            cheapest within it.
        budget: the share of the cost of the layers that become lookup layers, as they are, that is left of it; one
            price for all layers decides.
        of: what counts as cost: "multiplications", of lookups and dictionaries, or "lookups" alone.
        from_weights: whether lookup layers start from W, or at random like new ones, which then want a batch norm each.
        seed: of the choices that factoring makes.

    l1, threshold, lookups_per_tap, groups_of and atoms_of may be dicts by layer name too.

    Raises ValueError for another kind of model (with the way out), a name that no layer has (with the nearest one) and
    arguments that make no layer. Warns if layers start far from their weights or outputs, if no layer was replaced, and
    if the model's class has a train_step or the like that Keras does not copy; all is in the report too. In a terminal
    a bar shows how far factoring has come.
    """
    _check_functional(model)
    arguments = {
        "l1": l1,
        "threshold": threshold,
        "lookups_per_tap": lookups_per_tap,
        "groups_of": groups_of,
        "atoms_of": atoms_of,
    }
    auto = isinstance(dictionary, str) and dictionary == AUTO
    wanted = Wanted(error, budget, of, auto)
    if (wanted.decides or samples is not None) and not from_weights:
        raise ValueError("from_weights: samples, error and budget are of weights; leave them out, or from_weights")
    pictures = None if samples is None else checked(model, samples)
    options = ConversionOptions(None if auto else dictionary, skip, arguments)
    parts, choices = separated(model, choose(model, options))
    decision = decide(parts, choices, wanted, pictures, seed)
    choices = decision.choices
    result, copies = _copy(parts, {choice.layer: choice for choice in choices})
    replaced = {choice.layer for choice in choices if choice.arguments is not None}
    for old, new in copies:
        if old not in replaced:
            copy_weights(old, new)
    new = dict(copies)
    errors: dict[Any, float | None] = dict.fromkeys(replaced)
    if from_weights:
        started = _started(parts, new, decision, pictures, seed)
        errors |= shown(started, "factoring", len(replaced))
    report = LookupReport(
        tuple(_report(choice, new[choice.layer], from_weights, errors.get(choice.layer)) for choice in choices),
        _not_carried_over(model, result),
    )
    if report.note:
        warnings.warn(f"lookup_model of {model.name}: {report.note}", stacklevel=2)
    far = [row.name for row in report.layers if (row.output_error or 0) > _FAR]
    if far:
        warnings.warn(
            f"lookup_model of {model.name}: the outputs of {', '.join(far)} changed by more than {_FAR:.0%} of "
            "their size, so it wants training; a larger dictionary, budget or lookups_per_tap changes less. See "
            "print(lookup_report(result))",
            stacklevel=2,
        )
    if not replaced:
        warnings.warn(f"lookup_model replaced no layer of {model.name}:\n{report}", stacklevel=2)
    if report.far and samples is None:
        warnings.warn(f"lookup_model of {model.name}: {_far_text(report)}", stacklevel=2)
    result.lookup_report = report
    return result


def _far_text(report: LookupReport) -> str:
    """Say which layers start far from their weights, and what helps."""
    count = sum(layer.error is not None for layer in report.layers)
    named = ", ".join(f"{layer.name} {layer.error:.2f}" for layer in report.far[:_NAMED])
    more = ", ..." if len(report.far) > _NAMED else ""
    return (
        f"{len(report.far)} of {count} lookup layers start farther than {_FAR:g} |W| from their weights W (by {named}"
        f"{more}), and the model's accuracy may be lost until fine-tuning brings it back; nearer start a larger "
        "dictionary, more lookups_per_tap, and layers that are left as they are (skip)"
    )


def lookup_report(model: keras.Model) -> LookupReport:
    """Tell what lookup_model did with each layer of the model that it returned; str() of it is a table.

    Raises ValueError for a model that is not one, or that was saved and loaded since.
    """
    report = getattr(model, "lookup_report", None)
    if not isinstance(report, LookupReport):
        raise ValueError(
            f"lookup_report: expected the model that lookup_model returned, found {model.name}; saved files do not "
            "keep the report"
        )
    return report


def _check_functional(model: keras.Model) -> None:
    """Raise ValueError unless a model, and each inside it, is a graph of layers and nothing else."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"lookup_model: expected a Keras model, found {type(model).__name__}")
    if isinstance(model, keras.Sequential) and functional_graph(model) is None:
        raise ValueError(
            f"lookup_model: expected a model whose input shape is known, found {model.name}; begin it with "
            "keras.Input(shape), or call model.build((None, height, width, channels))"
        )
    if functional_graph(model) is None or _calls_by_itself(model):
        raise ValueError(
            f"lookup_model: expected a Sequential or functional model, found {model.name}, a {type(model).__name__} "
            "that calls its layers in code of its own; put LookupConv2D and LookupDense into that code, or build the "
            "model from keras.Input as keras.Model(inputs, outputs)"
        )
    for layer in model.layers:
        if isinstance(layer, keras.Model) and functional_graph(layer) is not None:
            _check_functional(layer)


def _calls_by_itself(model: keras.Model) -> bool:
    """Whether a class of the user's has replaced what Keras' own does when a model is called."""
    return not type(model).call.__module__.startswith("keras.")


def _not_carried_over(model: keras.Model, copy: keras.Model) -> str:
    """What a class of the user's does in training that the copy does not; empty where the copy is of that class too.

    Keras copies a model into its own class only if that is made as keras.Model(inputs, outputs) is.
    """
    own, plain = type(model), type(copy)
    theirs = [cls for cls in own.__mro__ if not issubclass(plain, cls)]
    replaced = {name for cls in theirs for name in vars(cls) if not name.startswith("_") and hasattr(plain, name)}
    if not replaced:
        return ""
    return (
        f"the copy is a plain {plain.__name__}, without {', '.join(sorted(replaced))} of {own.__name__}; to train by "
        f"that, make a model of such a class of the copy's inputs and outputs, or let {own.__name__} have no __init__, "
        "and be made as keras.Model(inputs, outputs)"
    )


def _copy(model: keras.Model, choices: dict[Any, Choice]) -> tuple[keras.Model, list[tuple[Any, Any]]]:
    """The model with new layers, and (old, new) of each; lookup layers where a choice has arguments."""
    copies: list[tuple[Any, Any]] = []

    def make(layer: Any) -> tuple[Any]:
        arguments = choices[layer].arguments if layer in choices else None
        new = copied(layer) if arguments is None else _lookup_layer(layer, arguments)
        copies.append((layer, new))
        return (new,)

    return copied_model(model, make), copies


def _lookup_layer(layer: Any, arguments: dict[str, Any]) -> Any:
    config = config_of(layer)
    own = {key: config[key] for key in _KEPT if key in config}
    if isinstance(layer, keras.layers.Conv2D):
        return LookupConv2D(**{key: config[key] for key in _KEPT_BY_CONVOLUTIONS}, **arguments, **own)
    return LookupDense(units=layer.units, **arguments, **own)


def _started(
    model: keras.Model, copies: dict[Any, Any], decision: Decision, samples: list[np.ndarray] | None, seed: int
) -> Iterator[tuple[Any, float | None]]:
    """Give each lookup layer the D, P and bias that it starts from; its layer in the model, and its error of outputs.

    `copies` has what stands in the place of each layer of the model.
    """
    layers = [choice.layer for choice in decision.choices if choice.arguments is not None]
    if samples is not None:
        yield from calibrated(model, copies, layers, samples, decision.counts, seed)
        return
    for layer in layers:
        if layer.name in decision.counts:
            fit(copies[layer], layer, Moments.of_weights(*kernel_of(layer)), decision.counts[layer.name], seed)
            if layer.bias is not None:
                assign_bias(copies[layer], layer.bias)
        else:
            start(copies[layer], layer, seed)
        yield layer, None


def _report(choice: Choice, new: Any, from_weights: bool, output_error: float | None) -> LayerReport:
    kind = _kind(choice.layer)
    if choice.arguments is None:
        return LayerReport(choice.layer.name, kind, False, why=choice.why)
    error = weight_error(new, choice.layer) if from_weights else None
    found = sparsity.lookups(new)
    density = sparsity.density(new, found)
    return LayerReport(new.name, kind, True, new.dictionary, found, density, error, choice.why, output_error)


def _kind(layer: Any) -> str:
    """Conv2D 3x3, 16 -> 32."""
    name = type(layer).__name__
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return name
    size = "x".join(map(str, layer.kernel_size)) + ", " if hasattr(layer, "kernel_size") else ""
    m, n = layer.kernel.shape[-2] * getattr(layer, "groups", 1), layer.kernel.shape[-1]
    return f"{name} {size}{m} -> {n}"


def start(layer: Any, dense: Any, seed: int = 0) -> float:
    """Give a lookup layer the D, P and bias that come nearest to a trained Conv2D or Dense of its shape.

    Returns |W - P D| / |W| with the P that survives.
    """
    kernel, taps = kernel_of(dense)
    W = kernel.reshape(len(kernel), taps, -1)
    if layer.D is None:
        D, P = np.eye(W.shape[-1]), W
    else:
        D, P = factoring.factor(W, layer.dictionary, layer.lookups_per_tap, layer.groups_of, seed, layer.atoms_of)
    assign(layer, D, P)
    if layer.bias is not None:
        assign_bias(layer, dense.bias)
    return weight_error(layer, dense)
