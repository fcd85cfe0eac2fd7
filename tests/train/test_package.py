"""`import lcnn_train` is quick and quiet, registers the layers whatever is imported first, and gives functions."""

from pathlib import Path

import pytest

from tests.helpers.interpreters import python

BEFORE = Path(__file__).parents[1] / "data" / "before"
LOAD = f"""
import numpy as np
assert keras.saving.get_registered_object("lcnn>LookupDense") is not None
model = keras.saving.load_model({str(BEFORE / "lookups.keras")!r})
x = np.random.default_rng(1).random((2, 12, 12, 1), np.float32)
was = [[0.3195715, 0.3389859, 0.3414425], [0.3207795, 0.3384763, 0.3407442]]
np.testing.assert_allclose(np.asarray(model(x)), was, atol=1e-6)
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import lcnn_train, keras",
        "import keras, lcnn_train",
        "from lcnn_train import lookup_model; import keras",
        "import keras.layers; from lcnn_train.layers import sparsity; import keras",
    ],
)
def test_a_keras_file_of_before_loads_whatever_comes_first(imports):
    result = python(f"{imports}\n{LOAD}")
    assert result.returncode == 0, result.stderr


def test_neither_keras_nor_tensorflow_is_imported_before_a_name_needs_it():
    code = "import lcnn_train; from lcnn_train import ExportError, RunError; print(dir(lcnn_train))"
    result = python(code, blocked=["tensorflow", "keras", "pydantic", "rich", "yaml", "scipy"])
    assert result.returncode == 0, result.stderr
    assert "'lookup_model'" in result.stdout


def test_what_tensorflow_says_first_is_not_shown():
    result = python("import lcnn_train, keras", TF_CPP_MIN_LOG_LEVEL="3")
    assert (result.returncode, result.stderr) == (0, "")


def test_keras_is_its_own_loaders_module():
    """Tools that read a module's source or files ask its loader, which must not be ours."""
    code = "import lcnn_train, keras, inspect; inspect.getsource(keras); print(type(keras.__spec__.loader).__module__)"
    result = python(code)
    assert result.stdout.startswith("_frozen_importlib"), result.stderr


@pytest.mark.parametrize(
    "imports",
    [
        "import lcnn_train.export.builder",
        "import sys; sys.warnoptions = ['ignore']; from lcnn_train.export import verify; import lcnn_train.verify",
        "import lcnn_train, importlib; importlib.reload(lcnn_train); import lcnn_train.export.builder",
    ],
)
def test_export_and_verify_are_functions_whatever_was_imported(imports):
    code = f"""
{imports}
import lcnn_train
from lcnn_train import export, verify
from lcnn_train.export.model_file import export as function
assert export is lcnn_train.export is function
assert verify is lcnn_train.verify and callable(verify)
import lcnn_train.export.activations
assert lcnn_train.export is function
"""
    result = python(code)
    assert result.returncode == 0, result.stderr


def test_every_public_name_is_there():
    code = """
import lcnn_train
from lcnn_train import *
for name in lcnn_train.__all__:
    assert getattr(lcnn_train, name).__name__ == name
try:
    lcnn_train.nothing
except AttributeError as error:
    print(error)
"""
    result = python(code)
    assert result.stdout.strip() == "module 'lcnn_train' has no attribute 'nothing'", result.stderr
