"""The machine a benchmark runs on: a clean environment, one pinned core, and what to print about both."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]  # of the clone
BLAS_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would have the BLAS work for another processor
PACKAGES = ("numpy", "onnxruntime", "onnx", "openvino", "ai-edge-litert", "tensorflow")


def forget_blas_settings() -> bool:
    """Drop settings that slow the BLAS; return whether there were any. A BLAS that is loaded has read them already."""
    found = [name for name in BLAS_SETTINGS if name in os.environ]
    for name in found:
        del os.environ[name]
    return bool(found)


def start_clean() -> None:
    """Start this program anew without settings that slow the BLAS, if there are any."""
    if forget_blas_settings():
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def allowed() -> set[int]:
    """Return the cores that this process may use."""
    return os.sched_getaffinity(0)


def pin(core: int | None = None) -> int:
    """Keep this process on one core, the last one it may use unless ``core`` says which; return it.

    Raises ValueError for a core that it may not use.
    """
    cores = sorted(allowed())
    chosen = cores[-1] if core is None else core
    if chosen not in cores:
        raise ValueError(f"expected a core among {cores}, got {core}")
    os.sched_setaffinity(0, {chosen})
    return chosen


def _processor() -> str:
    """Return the processor's name, and family and model, which tell more where a hypervisor hides the name."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.processor() or platform.machine())
    return f"{name}, family {facts['cpu family']} model {facts['model']}" if "cpu family" in facts else name


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def describe() -> dict[str, Any]:
    """Return processor, kernels, BLAS and versions, for the head of a report."""
    from lcnn_engine import __version__, kernel_info

    info = kernel_info()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "pinned_to": sorted(allowed()),
        "isa": info["isa"],
        "blas": info["blas"],
        "blas_core": info["blas_core"],
        "python": platform.python_version(),
        "lcnn": __version__,
        **{package: _version(package) for package in PACKAGES},
    }


def heading(facts: dict[str, Any]) -> str:
    """Return ``describe()`` as lines of text."""
    return "\n".join(f"{key:15} {value}" for key, value in facts.items())
