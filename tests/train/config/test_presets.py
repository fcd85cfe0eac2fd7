"""The configurations that come with the package work as they stand, and are what was published.

Each takes real images; the small networks train on them here, the others where LCNN_SLOW=1 is set.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import lcnn_train
from lcnn_train.cli import main
from lcnn_train.config.experiment import load_config
from lcnn_train.data.pipeline import training_batches
from lcnn_train.data.sets import load
from lcnn_train.layers.sparsity import lookup_layers
from lcnn_train.reports.cost import without_values
from lcnn_train.training.fit import load_run
from lcnn_train.training.optimizers import WeightDecay, make_optimizer
from lcnn_train.training.schedules import learning_rate
from tests.helpers.cifar_batches import write
from tests.helpers.image_trees import make_train
from tests.helpers.training import SMALL

NAMES = sorted(path.stem for path in (Path(lcnn_train.__file__).parent / "config" / "presets").glob("*.yaml"))
ADDRESS = {"mnist": SMALL, "fashion-mnist": SMALL}  # digits in the place of clothes: the same shape


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    make_train(folder)
    for dataset in ("cifar10", "cifar100"):
        write(folder / dataset, dataset, binary=False, count=12)
    return folder


def test_classes_of_ones_own_are_counted(imagenet, tmp_path, capsys):
    """The one for class folders takes as many as there are; another number is refused with what to set."""
    run = tmp_path / "run"
    command = ["fit", "folder-resnet10-lcnn-fast", "--data", str(imagenet), "--run", str(run)]
    few = [
        "data.validation=4",
        "train.epochs=1",
        "train.steps_per_epoch=1",
        "train.batch_size=4",
        "model.input_size=32",
    ]
    few += ["preprocessing.shortest_edge=40"]
    command += [word for value in few for word in ("--set", value)]
    assert main([*command, "--set", "model.classes=10"]) == 2
    assert "Set model.classes=4" in capsys.readouterr().err
    assert main(command) == 0, capsys.readouterr().err
    assert json.loads((run / "config.json").read_text())["model"]["classes"] == 4
    assert load_run(run, "newest")[0].output_shape == (None, 4)


def config_of(name, imagenet):
    """A shipped configuration with data for it, of which a few images are held out."""
    config = load_config(name, ["data.validation=4"])
    folder = ADDRESS.get(config.data.dataset, imagenet)
    if config.data.dataset.startswith("cifar"):
        folder = imagenet / config.data.dataset
    if config.data.test_share:
        folder = imagenet / "train"  # class folders without parts
    return load_config(name, ["data.validation=4"], str(folder))


@pytest.mark.parametrize("name", NAMES)
def test_its_images_are_what_its_network_takes(name, imagenet):
    config = config_of(name, imagenet)
    images = load(config.data, "train")
    preprocessing, shape = config.preprocessing.for_engine(), config.model.input_shape
    x, y = next(iter(training_batches(images, preprocessing, shape, 8, config.train.seed, 0, 1, config.augment)))
    assert x.shape == (8, *shape)
    assert np.isfinite(x).all()
    assert np.std(x, axis=(1, 2, 3)).min() > 0
    assert int(max(y)) < (config.model.classes or 10)
    model = without_values(config.model.build)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, config.model.classes or 10)
    assert bool(lookup_layers(model)) == ("lcnn" in name.split("-tf-")[0])


@pytest.mark.parametrize("name", NAMES)
def test_its_schedule_runs_to_its_end(name):
    """Ten steps an epoch, two replicas: every epoch has a rate, and those that the file names are had."""
    train = load_config(name).train
    rate = learning_rate(train.learning_rate, train.epochs, 10, 2)
    make_optimizer(train.optimizer, rate)
    rates = np.array([float(rate(10 * epoch)) for epoch in range(train.epochs)])
    assert (rates > 0).all()
    settings = train.learning_rate
    if settings.schedule == "piecewise":
        full = 2 if settings.scale_by_replicas else 1
        later = [
            (epoch, r)
            for epoch, r in zip(settings.epochs, settings.rates, strict=True)
            if epoch > settings.warmup_epochs
        ]
        assert [rates[epoch - 1] for epoch, _ in later] == pytest.approx([full * r for _, r in later])
        assert settings.epochs[-1] <= train.epochs
    last = train.optimizer.weight_decay_epochs
    if last:
        decay = WeightDecay(train.optimizer, 10)
        assert [float(decay.at(step)) > 0 for step in (0, 10 * last[1] - 1, 10 * last[1])] == [True, True, False]


ALEXNET = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
FAST = [3, 30, 30, 30, 30, 512, 512]
# Configuration -> k of each layer, the lambda' that were published, c.
PUBLISHED = {
    "imagenet-alexnet-lcnn-fast-paper": (FAST, [0.3], 0.01),
    "imagenet-alexnet-lcnn-accurate-paper": ([3, 500, 500, 500, 500, 1024, 1024], [0.1], 0.01),
    "imagenet-alexnet-lcnn-fast-tf-lcnn": (FAST, [0.3, 1.0], 0.01),
    "imagenet-alexnet-lcnn-accurate-tf-lcnn": ([3, 500, 500, 500, 30, 1024, 1024], [0.4, 0.3], 0.01),
    "mnist-alexnet-lcnn-fast-tf-lcnn": (FAST, [0.3, 1.0], 0.01),
    "mnist-alexnet-lcnn-accurate-tf-lcnn": ([3, 500, 500, 500, 30, 1024, 1024], [0.4, 0.3], 0.01),
    "imagenet-resnet18-lcnn-fast": ([3, *np.repeat([16, 32, 64, 128], 4)], [0.1, 0.2, 0.3], 0.001),
    "imagenet-resnet18-lcnn-accurate": ([3, *np.repeat([128, 256, 512, 1024], 4)], [0.1, 0.2, 0.3], 0.001),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_dictionaries_are_the_published_ones(name):
    sizes, l1, threshold = PUBLISHED[name]
    layers = lookup_layers(without_values(load_config(name).model.build))
    assert [layer.dictionary for layer in layers] == list(sizes)
    assert {layer.l1 for layer in layers} <= set(l1)
    assert {layer.threshold for layer in layers} == {threshold}


PAPER = ([1, 19, 30, 44, 53], [1e-2, 5e-3, 1e-3, 5e-4, 1e-4])
RESNET = ([1, 8, 17, 26, 31], [1e-1, 3e-2, 1e-2, 3e-3, 1e-3])
TF_MNIST = ([1, 18, 19, 20, 30], [0.01, 0.005, 0.007, 0.005, 0.001])
TF_IMAGENET = ([1, 14, 16, 32, 53], [0.01, 0.012, 0.01, 0.001, 0.0005])
# What names of configurations share: batch, epochs, optimizer, the rates from their epochs on.
SCHEDULES = {
    "imagenet-alexnet-*-paper": (128, 55, "sgd", PAPER),
    "imagenet-resnet*": (256, 35, "sgd", RESNET),
    "mnist-alexnet-*-tf-lcnn": (128, 40, "adagrad", TF_MNIST),
    "imagenet-alexnet-*-tf-lcnn": (128, 65, "adagrad", TF_IMAGENET),
}


@pytest.mark.parametrize("pattern", SCHEDULES)
def test_schedules_are_the_published_ones(pattern):
    found = [name for name in NAMES if Path(name).match(pattern)]
    assert len(found) >= 3
    for name in found:
        train = load_config(name).train
        rate = train.learning_rate
        assert (train.batch_size, train.epochs, train.optimizer.name, (rate.epochs, rate.rates)) == SCHEDULES[pattern]


def slow(name):
    mark = pytest.mark.skipif(not os.environ.get("LCNN_SLOW"), reason="takes long: set LCNN_SLOW=1")
    return name if name in ("mnist-lenet-lcnn-fast", "fashion-mnist-lenet-dense") else pytest.param(name, marks=mark)


@pytest.mark.parametrize("name", [slow(name) for name in NAMES])
def test_it_trains(name, imagenet, tmp_path, capsys):
    """Two steps of a few images, at the network's real size, with all else as it stands."""
    data = config_of(name, imagenet).data.folder
    few = ["data.validation=4", "train.epochs=1", "train.steps_per_epoch=2", "train.batch_size=4"]
    few += ["train.start_from=null", "train.distillation=null", "train.sparsity=null"]
    sets = [word for value in few for word in ("--set", value)]
    assert main(["fit", name, "--data", data, "--run", str(tmp_path / "run"), *sets]) == 0, capsys.readouterr().err
    last = json.loads((tmp_path / "run" / "chronicle.jsonl").read_text().splitlines()[-1])
    assert last["run_step"] == 2
    assert np.isfinite(last["loss"])
