"""The engines that are compared, one small class each, and ``ENGINES``, the registry of all.

An engine loads a model file for a batch of images, float32 (N, H, W, C), and a number of threads; ``run()`` predicts
the batch once, with no copies that the engine can do without, and ``result()`` gives what came out, (N, ...).
Frameworks are imported where they are used: the cold start of one must not pay for another, so this module imports
nothing but NumPy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np


class LoadedModel(Protocol):
    """An engine that has loaded a model for a batch and a number of threads."""

    def run(self) -> object: ...

    def result(self) -> np.ndarray: ...

    def facts(self) -> dict[str, str]:
        """Tell how it runs, where that is not plain from its name."""
        ...


class Lcnn:
    """This project's engine."""

    def __init__(self, path: str, batch: np.ndarray, threads: int, precision: str = "float32") -> None:
        from lcnn_engine import Net

        self._net = Net.load(path, threads=threads, precision=precision)
        self._x = batch[0] if len(batch) == 1 else batch
        self._out = np.empty((*self._x.shape[:-3], *self._net.output_shape), np.float32)

    def run(self) -> None:
        self._net.run(self._x, out=self._out)

    def result(self) -> np.ndarray:
        return self._out[None] if self._x.ndim == 3 else self._out

    def facts(self) -> dict[str, str]:
        from lcnn_engine import kernel_info

        info = kernel_info()
        return {"isa": info["isa"], "blas_core": info["blas_core"]}

    def steps(self) -> float:
        """Predict once, and return the seconds of all its steps together."""
        plan = self._net._plan
        seconds = np.zeros(len(plan.steps))
        plan.run(self._x.reshape(-1, *self._net.input_shape), [self._out[None]], 1, seconds)
        return float(seconds.sum())

    def caller(self) -> Callable[[], object]:
        """Return a function that predicts as ``run`` does, for one more thread that calls."""
        out = np.empty_like(self._out)
        return lambda: self._net.run(self._x, out=out)


def lcnn_bfloat16(path: str, batch: np.ndarray, threads: int) -> Lcnn:
    """Load a model for this project's engine in bfloat16."""
    return Lcnn(path, batch, threads, "bfloat16")


def lcnn_int8(path: str, batch: np.ndarray, threads: int) -> Lcnn:
    """Load a model for this project's engine in int8."""
    return Lcnn(path, batch, threads, "int8")


class OnnxRuntime:
    """All optimizations on, the batch fixed, input and output bound to memory of their own."""

    def __init__(
        self, model: str | bytes, batch: np.ndarray, threads: int = 1, profile_prefix: str | None = None
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        options.add_free_dimension_override_by_name("N", len(batch))
        if profile_prefix:
            options.enable_profiling, options.profile_file_prefix = True, profile_prefix
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._batch = batch  # the value is a view of it
        self._input = onnxruntime.OrtValue.ortvalue_from_numpy(self._batch)
        shape = [len(batch), *self.session.get_outputs()[0].shape[1:]]
        self._output = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, np.float32)
        self._binding = self._bound(self._output)

    def _bound(self, output: Any) -> Any:
        binding = self.session.io_binding()
        binding.bind_ortvalue_input(self.session.get_inputs()[0].name, self._input)
        binding.bind_ortvalue_output(self.session.get_outputs()[0].name, output)
        return binding

    def run(self) -> None:
        self.session.run_with_iobinding(self._binding)

    def result(self) -> np.ndarray:
        return self._output.numpy()

    def facts(self) -> dict[str, str]:
        return {}

    def caller(self) -> Callable[[], object]:
        import onnxruntime

        output = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty_like(self._output.numpy()))
        binding = self._bound(output)
        return lambda: self.session.run_with_iobinding(binding)


class OpenVino:
    """One stream, tuned for latency; ``precision`` None leaves that to OpenVINO."""

    def __init__(self, path: str, batch: np.ndarray, threads: int, precision: str | None = None) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        model.reshape(list(batch.shape))
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        if precision:
            settings["INFERENCE_PRECISION_HINT"] = precision
        self._compiled = core.compile_model(model, "CPU", settings)
        self._request = self._compiled.create_infer_request()
        self._batch = batch  # the tensor does not keep it alive
        self._request.set_input_tensor(openvino.Tensor(self._batch, shared_memory=True))

    def run(self) -> None:
        self._request.infer()

    def result(self) -> np.ndarray:
        return self._request.get_output_tensor().data

    def facts(self) -> dict[str, str]:
        return {"precision": self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()}


def openvino_f32(path: str, batch: np.ndarray, threads: int) -> OpenVino:
    """Load a model for OpenVINO with float32 arithmetic."""
    return OpenVino(path, batch, threads, "f32")


class LiteRt:
    """With XNNPACK, its default; the image is put in once."""

    def __init__(self, path: str, batch: np.ndarray, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=path, num_threads=threads)
        source = self._interpreter.get_input_details()[0]["index"]
        self._interpreter.resize_tensor_input(source, batch.shape)
        self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(source, batch)

    def run(self) -> None:
        self._interpreter.invoke()

    def result(self) -> np.ndarray:
        return self._interpreter.get_tensor(self._interpreter.get_output_details()[0]["index"])

    def facts(self) -> dict[str, str]:
        return {}


class TensorFlow:
    """The signature of a SavedModel: a tf.function."""

    def __init__(self, path: str, batch: np.ndarray, threads: int) -> None:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._model = tf.saved_model.load(path)
        self._function = self._model.signatures["serving_default"]
        self._inputs = {name: tf.constant(batch) for name in self._function.structured_input_signature[1]}
        self._outputs: dict[str, Any] = {}

    def run(self) -> None:
        self._outputs = self._function(**self._inputs)  # by name: by position it takes milliseconds more

    def result(self) -> np.ndarray:
        return next(iter(self._outputs.values())).numpy()

    def facts(self) -> dict[str, str]:
        return {}


class Engine(NamedTuple):
    """How to load a model for an engine, and what the engine needs."""

    title: str
    make: Callable[[str, np.ndarray, int], LoadedModel]
    suffix: str
    """Of the model files that it reads: see ``model_files``."""
    package: str
    """The distribution it comes in."""
    precision: str | None = "float32"
    """Whose definition its results must be of; None for those of others that round as they like."""
    isa: str | None = None
    """The kernels that ours is lowered to."""
    environment: Mapping[str, str] = MappingProxyType({})


HASWELL = {"OPENBLAS_CORETYPE": "Haswell"}  # OpenBLAS's kernels for AVX2, on any processor that has them

ENGINES: dict[str, Engine] = {
    "lcnn": Engine("LCNN engine", Lcnn, "safetensors", "lcnn"),
    "lcnn-bf16": Engine("LCNN engine, bfloat16", lcnn_bfloat16, "safetensors", "lcnn", "bfloat16"),
    "lcnn-int8": Engine("LCNN engine, int8", lcnn_int8, "safetensors", "lcnn", "int8"),
    "lcnn-avx2": Engine(
        "LCNN engine, AVX2", Lcnn, "safetensors", "lcnn", isa="avx2", environment={"LCNN_ISA": "avx2", **HASWELL}
    ),
    "lcnn-scalar": Engine(
        "LCNN engine, portable", Lcnn, "safetensors", "lcnn", isa="scalar", environment={"LCNN_ISA": "scalar"}
    ),
    "onnxruntime": Engine("ONNX Runtime", OnnxRuntime, "onnx", "onnxruntime"),
    "openvino-f32": Engine("OpenVINO, float32", openvino_f32, "onnx", "openvino"),
    "openvino": Engine("OpenVINO, its default", OpenVino, "onnx", "openvino", precision=None),
    "litert-f32": Engine("LiteRT, float32", LiteRt, "tflite", "ai-edge-litert"),
    "litert-int8": Engine("LiteRT, int8 dynamic range", LiteRt, "int8.tflite", "ai-edge-litert", precision=None),
    "tensorflow": Engine("TensorFlow", TensorFlow, "savedmodel", "tensorflow"),
}
