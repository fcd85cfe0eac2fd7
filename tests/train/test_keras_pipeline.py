"""A network trained by Keras' own pipeline, from folders of image files, and run by the engine by file name."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from lcnn_engine import Net
from lcnn_train import ExportError, export, verify

SIZE, EACH = 24, 60
WAVES = {"diagonal": (3.05, 3.05), "flat": (2.2, 0.0), "steep": (0.0, 2.2)}  # of which little is left when averaged


def texture(rng, across, down):
    """150x150 colours: fine waves of a random phase, with noise."""
    y, x = np.mgrid[:150, :150]
    waves = np.sin(across * x + down * y + rng.uniform(0, 2 * np.pi))
    light = 128 + 90 * waves[..., None] + rng.normal(0, 15, (150, 150, 3))
    return Image.fromarray(light.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("textures"), np.random.default_rng(0)
    for part in ("train", "test"):
        for name, wave in WAVES.items():
            (root / part / name).mkdir(parents=True)
            for number in range(EACH):
                texture(rng, *wave).save(root / part / name / f"{number}.png")
    return root


def batches(folder, shuffle, **options):
    return keras.utils.image_dataset_from_directory(
        folder, image_size=(SIZE, SIZE), batch_size=20, shuffle=shuffle, seed=1, verbose=False, **options
    )


@pytest.fixture(scope="module")
def trained(folders):
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(12, 5, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(batches(folders / "train", shuffle=True), epochs=12, verbose=0)
    return model


def by_file_name(model, folder, path, **resize):
    rule = {"policy": "exact", "size": [SIZE, SIZE], "resample": "bilinear", **resize}
    prepare = {"mode": "RGB", "resize": rule, "mean": [0.0] * 3, "std": [1.0] * 3}
    export(model, path, labels=sorted(WAVES), preprocessing=prepare)
    net = Net.load(path)
    files = [folder / name / f"{number}.png" for name in sorted(WAVES) for number in range(EACH)]
    truth = np.repeat(np.arange(len(WAVES)), EACH)
    return files, net.predict(files), truth


def test_keras_accuracy_comes_from_the_engine_by_file_name(folders, trained, tmp_path):
    test = batches(folders / "test", shuffle=False)
    keras_accuracy = trained.evaluate(test, return_dict=True, verbose=0)["accuracy"]
    assert keras_accuracy > 0.9
    files, found, truth = by_file_name(trained, folders / "test", tmp_path / "model.safetensors", antialias=False)
    assert (found.argmax(1) == truth).mean() == pytest.approx(keras_accuracy, abs=1e-6)
    order = [test.file_paths.index(str(file)) for file in files]
    expected = trained.predict(test, verbose=0)[order]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    _, smooth, _ = by_file_name(trained, folders / "test", tmp_path / "model.safetensors")
    assert (smooth.argmax(1) == truth).mean() < keras_accuracy - 0.3, "expected the antialiased default to lose waves"


def test_an_aspect_ratio_that_keras_crops_to(folders, trained, tmp_path):
    folder = tmp_path / "wide"
    for name in sorted(WAVES):
        (folder / name).mkdir(parents=True)
        Image.open(folders / "test" / name / "0.png").crop((0, 0, 131, 77)).save(folder / name / "0.png")
    test = batches(folder, shuffle=False, crop_to_aspect_ratio=True)
    path = tmp_path / "model.safetensors"
    rule = {"policy": "crop_to_aspect_ratio", "size": [SIZE, SIZE], "resample": "bilinear", "antialias": False}
    export(trained, path, preprocessing={"mode": "RGB", "resize": rule, "mean": [0.0] * 3, "std": [1.0] * 3})
    np.testing.assert_allclose(Net.load(path).predict(test.file_paths), trained.predict(test, verbose=0), atol=1e-4)


def test_verify_compares_the_whole_way(folders, trained, tmp_path):
    """No difference from the training pipeline with its own filter, a large one with another, which is no error."""
    path = tmp_path / "model.safetensors"

    def pipeline(files):
        for file in files:
            yield keras.ops.image.resize(keras.utils.img_to_array(keras.utils.load_img(file)), (SIZE, SIZE))

    files = by_file_name(trained, folders / "test", path, antialias=False)[0][::10]
    found = verify(trained, path, files, pipeline=pipeline)
    assert found.whole_way.inputs < 1 / 255
    assert found.whole_way.outputs < 1e-4
    assert found.whole_way.same == found.whole_way.count == len(files)
    assert f"{len(files)} of {len(files)} with the same answer" in str(found).splitlines()[-1]
    by_file_name(trained, folders / "test", path)
    other = verify(trained, path, files, pipeline=pipeline).whole_way
    assert other.inputs > 20
    assert other.same < other.count
    with pytest.raises(ExportError, match=r"pipeline: expected 18 inputs of shape \(24, 24, 3\), .*, found 1 of"):
        verify(trained, path, files, pipeline=lambda files: [np.zeros((24, 24, 3))])


def test_verify_compares_the_whole_way_of_a_model_that_resizes_itself(folders, trained, tmp_path):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, trained(layers.Resizing(SIZE, SIZE)(image)))
    path = tmp_path / "model.safetensors"
    export(model, path)
    files = [folders / "test" / name / "0.png" for name in sorted(WAVES)]
    way = verify(model, path, files, pipeline=lambda files: [np.asarray(Image.open(file)) for file in files]).whole_way
    assert way.inputs is None
    assert way.outputs < 1e-4
    assert way.same == way.count == 3
