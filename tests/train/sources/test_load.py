"""What is no run folder and no `.keras` file is refused with the way to one."""

import keras
import pytest

from lcnn_train.errors import RunError
from lcnn_train.sources.load import load_model


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()])


def test_hdf5_is_refused_with_two_lines_that_turn_it_into_a_keras_file(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "old.h5"
    model.save(path)
    with pytest.raises(RunError, match=r"found HDF5; two lines of Python make a \.keras file of it: ") as refused:
        load_model(path)
    lines = str(refused.value).partition("of it: ")[2].split("; ")
    exec("import keras\n" + "\n".join(lines))
    assert load_model(tmp_path / "model.keras").model.count_params() == model.count_params()


def test_a_saved_model_is_refused_with_the_remedy(model, tmp_path):
    model.export(tmp_path / "saved", verbose=False)
    with pytest.raises(RunError, match=r"found a SavedModel; .*tf_keras.*model\.export of Keras 3 wrote .* no layers"):
        load_model(tmp_path / "saved")
