"""Benchmarks: commands that set this engine beside others, beside the machine's limits and beside its own past.

``compare`` (whole networks), ``operations`` (one operation at a time), ``roofline`` (steps), ``revisions`` (commits)
and ``plots`` are run with ``python -m benchmarks.NAME``; ``suites`` are run by pytest-benchmark. What they share lies
in ``utils``, ``networks`` and ``comparison``, each of which imports only those named before it. None of this is part of
the packages that are installed.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

FORMER = {
    "bench_kernels": "suites.bench_kernels", "bench_layers": "suites.bench_layers", "bench_nets": "suites.bench_nets",
    "building": "networks.builder", "engines": "operations.timed_engines", "floors": "roofline",
    "machine": "utils.machine", "onnx_graph": "networks.onnx_graph", "operation_cases": "operations.cases",
    "report": "utils.report", "speed_limits": "roofline.limits", "tensorflow_graph": "networks.tensorflow_graph",
    "timing": "utils.timing", "twins": "networks.dense_equivalents", "workloads": "networks.workloads",
}  # fmt: skip
"""Modules by their former names, which still run and import, with a DeprecationWarning."""


class _FormerNames:
    """Waits for a former name to be asked for: the table's own machinery comes with the whole engine, whose import
    would count in every cold start, of other engines too."""

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        package, _, module = name.partition(".")
        if package != __name__ or module not in FORMER:
            return None
        sys.meta_path.remove(cls)
        from lcnn_engine.utils.moved import redirect

        redirect(__name__, FORMER)
        return find_spec(name)


sys.meta_path.append(_FormerNames)
