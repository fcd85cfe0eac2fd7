"""What the engine imports, and what it does not."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lcnn_engine
from lcnn_engine.kernels import usable_variants, variants

PACKAGE = Path(lcnn_engine.__file__).parent


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a new interpreter."""
    merged = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=merged)


def imports_of(path: Path) -> set[str]:
    """Top-level names of the packages that a source file imports from outside."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
    return found


def test_sources_import_no_framework():
    foreign = {
        path.name: imports_of(path) & {"lcnn_train", "tensorflow", "keras", "torch"} for path in PACKAGE.rglob("*.py")
    }
    assert len(foreign) > 10
    assert not any(foreign.values()), foreign


def test_predicts_where_tensorflow_cannot_be_imported(model_path: Path):
    code = f"""
import sys
for name in ("tensorflow", "keras", "lcnn_train"):
    sys.modules[name] = None
import numpy as np
from lcnn_engine import Net
net = Net.load({str(model_path)!r})
print(net.predict(np.zeros((9, 9, 3), np.uint8)).shape)
print(sorted(m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras') and sys.modules[m]))
"""
    result = python(code)
    assert result.stdout.split("\n")[:2] == ["(10,)", "[]"], result.stderr


def test_run_needs_neither_pillow_nor_scipy(model_path: Path):
    code = f"""
import sys
import numpy as np
from lcnn_engine import Net
Net.load({str(model_path)!r}).run(np.zeros((20, 17, 3), np.float32))
print([name for name in ("PIL", "scipy") if name in sys.modules])
"""
    result = python(code)
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.parametrize("name", [name for name, _ in variants()])
def test_lcnn_isa_lowers_and_never_raises(name: str):
    """A variant that this processor lacks means the fastest one below it."""
    names = [known for known, _ in variants()]
    expected = next(known for known in names[names.index(name) :] if known in usable_variants())
    result = python("import lcnn_engine; print(lcnn_engine.kernel_info()['isa'])", LCNN_ISA=name)
    assert result.stdout.strip() == expected, result.stderr


def test_unknown_lcnn_isa_lists_the_choices(model_path: Path):
    code = f"from lcnn_engine import Net; Net.load({str(model_path)!r})"
    result = python(code, LCNN_ISA="sse9")
    assert result.returncode == 1
    assert "expected LCNN_ISA to be one of" in result.stderr
    assert "scalar" in result.stderr
    assert "'sse9'" in result.stderr


@pytest.mark.skipif("avx2" not in usable_variants(), reason="this processor has no AVX2, so there is no such BLAS core")
def test_right_on_an_older_blas_core(model_path: Path):
    """The results of another BLAS core differ in their last bits, never by more than the engine's tolerance."""
    code = f"""
import numpy as np
from lcnn_engine import Net, kernel_info, read_model
from lcnn_engine.model import reference
net = Net.load({str(model_path)!r})
x = np.random.default_rng(0).standard_normal(net.input_shape).astype(np.float32)
expected = reference.evaluate(*read_model({str(model_path)!r}), x)
found = net.features(x, list(net.graph.by_name))
print(max(np.abs(found[n] - expected[n]).max() / np.abs(expected[n]).max() for n in found) <= 1e-5)
print(kernel_info()["blas_core"])
"""
    result = python(code, OPENBLAS_CORETYPE="Haswell")
    right, core = result.stdout.split()
    assert right == "True"
    assert core in ("Haswell", "unknown")


WITHOUT_SCIPY = "import sys; sys.modules['scipy'] = None\n"


def test_verify_says_what_to_install_where_scipy_is_missing(model_path: Path):
    code = f"from lcnn_engine.cli import main; sys.exit(main(['verify', {str(model_path)!r}]))"
    result = python(WITHOUT_SCIPY + code)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "expected SciPy" in result.stderr
    assert 'pip install "lcnn[verify]"' in result.stderr


def test_neither_openblas_nor_scipy_is_one_clear_error():
    code = """
import ctypes
ctypes.CDLL = lambda name: object()
import lcnn_engine
"""
    result = python(WITHOUT_SCIPY + code)
    assert result.returncode == 1
    assert "expected a NumPy that brings OpenBLAS" in result.stderr.splitlines()[-1]
    assert "pip install scipy" in result.stderr.splitlines()[-1]


def test_a_clone_without_compiled_kernels_says_how_to_build(tmp_path: Path):
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "csrc")
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=ignored)
    result = python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import lcnn_engine")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: expected the kernels of lcnn_engine, compiled for Python ")
    assert last.endswith("found none; compile them: pip install -e . (in the clone)")
