"""The two engines behind one shape of object: ours, with the seconds of its steps, and ONNX Runtime."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_engine.model.graph import Graph
from lcnn_engine.plan import Plan
from lcnn_engine.plan.calls import StepKind

from ..comparison import engines
from ..networks.onnx_graph import onnx_model

SUFFIX = "_kernel_time"  # of the profiler's names
LAYOUT = (StepKind.INPUT, StepKind.OUTPUT)  # steps of their own that belong to no operation


class Ours:
    """A plan of our engine, one thread."""

    def __init__(self, graph: Graph, tensors: Mapping[str, np.ndarray], image: np.ndarray) -> None:
        self.plan = Plan(graph, tensors)
        self.image = np.ascontiguousarray(image[None])
        self.outputs = [np.empty((1, *shape), np.float32) for shape in self.plan.output_shapes]
        self.seconds = np.zeros(len(self.plan.steps))

    def run(self) -> np.ndarray:
        """Run, and return the result, which the next run overwrites."""
        self.plan.run(self.image, self.outputs, 1)
        return self.outputs[0][0]

    def run_timed(self, nodes: Collection[str]) -> float:
        """Run, and return the seconds of the steps of ``nodes``; input and output layout are none of theirs."""
        self.seconds[:] = 0.0
        self.plan.run(self.image, self.outputs, 1, self.seconds)
        own = [step.name in nodes and step.kind not in LAYOUT for step in self.plan.steps]
        return float(self.seconds[own].sum())


class OnnxRuntime(engines.OnnxRuntime):
    """ONNX Runtime on a graph, one image and one thread, and the times of its kernels if ``profiled``."""

    def __init__(
        self, graph: Graph, tensors: Mapping[str, np.ndarray], image: np.ndarray, profiled: bool = False
    ) -> None:
        self._folder = tempfile.TemporaryDirectory() if profiled else None
        prefix = str(Path(self._folder.name) / "profile") if self._folder else None
        super().__init__(onnx_model(graph, tensors), np.ascontiguousarray(image[None]), profile_prefix=prefix)

    def profile(self, nodes: Collection[str]) -> tuple[np.ndarray, int]:
        """End profiling; return seconds of the kernels of ``nodes``, run by run, and how many kernels they are."""
        runs = self._profiled_runs()
        own = [[e["dur"] for e in run if belongs(_kernel(e), nodes)] for run in runs]
        return 1e-6 * np.array(own, float).sum(axis=1), len(own[0])

    def kernels(self) -> list[str]:
        """End profiling; return names and operations of the kernels of one run."""
        return [f"{_kernel(event)} {event['args']['op_name']}" for event in self._profiled_runs()[0]]

    def _profiled_runs(self) -> list[list[dict[str, Any]]]:
        """The profiler's kernel events, run by run."""
        events = json.loads(Path(self.session.end_profiling()).read_text())
        count = sum(event["name"] == "model_run" for event in events)
        kernels = [event for event in events if event.get("cat") == "Node" and event["name"].endswith(SUFFIX)]
        size = len(kernels) // count
        return [kernels[start : start + size] for start in range(0, len(kernels), size)]


def _kernel(event: dict[str, Any]) -> str:
    return str(event["name"]).removesuffix(SUFFIX)


def belongs(kernel: str, nodes: Collection[str]) -> bool:
    """Tell whether ONNX Runtime's kernel of that name computes one of ``nodes``, or a part of one."""
    return any(kernel == node or kernel.startswith((f"{node}.", f"{node}_", f"{node}/")) for node in nodes)
