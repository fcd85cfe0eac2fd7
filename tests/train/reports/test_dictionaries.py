"""Images of dictionaries: the colours of atoms and taps, and errors where there is nothing to draw."""

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.utils.drawing import SCALE
from lcnn_train import ExportError
from lcnn_train.cli import main
from lcnn_train.export.network import load_network
from lcnn_train.models import build
from lcnn_train.reports.dictionaries import draw_dictionary
from tests.helpers.training import DATA, randomize

WEIGHTS = DATA.parent.parent / "weights" / "mnist-alexnet-lcnn-fast.safetensors"


@pytest.fixture
def network():
    """A small net on colours whose first atom is pure green, whose second pure red, the first filter a green dot."""
    model = build("lenet", variant="fast", channels=3)
    randomize(model, 0.2)
    conv1 = model.get_layer("conv1")
    D, P = np.zeros((1, 1, 3, 3), np.float32), conv1.P.numpy()
    D[0, 0, 1, 0], D[0, 0, 0, 1], D[0, 0, :, 2] = 2, 2, -1
    P[..., 0] = 0
    P[2, 2, 0, 0] = 0.5
    conv1.D.assign(D)
    conv1.P.assign(P)
    conv1.alive.assign(np.ones(P.shape))
    return load_network(model)


def rectangles(drawing):
    return [item for item in drawing.items if hasattr(item, "points")]


def texts(drawing):
    return [item.text for item in drawing.items if hasattr(item, "text")]


def test_atoms_and_taps_have_the_colours_that_they_weigh(network):
    drawing = draw_dictionary(*network)
    atoms = rectangles(drawing)[1:6:2]  # each after its frame
    assert [atom.fill for atom in atoms] == ["#80ff80", "#ff8080", "#404040"]
    frame, ground, tap = rectangles(drawing)[6:9]
    assert (ground.fill, tap.fill) == ("#808080", "#80ff80")
    left, top = ground.points[0]
    size = tap.points[1][0] - tap.points[0][0]
    assert tap.points[0] == (left + 2 * size, top + 2 * size)
    assert frame.fill not in (ground.fill, tap.fill)
    assert "D, k = 3 atoms of 3 channels" in texts(drawing)
    assert any(text.startswith("W, 20 filters of 5 x 5, ") for text in texts(drawing))


def test_atoms_of_one_channel_are_said_to_be_collinear(network):
    note = "some multiples of others: 1 would do"
    several, one = (draw_dictionary(*load_network(build("lenet", variant="fast", dictionary=k))) for k in (3, 1))
    assert f"D, k = 3 atoms of 1 channel, {note}" in texts(several)
    assert "D, k = 1 atoms of 1 channel" in texts(one)
    assert not any(note in text for text in texts(draw_dictionary(*network)))


def test_atoms_of_colours_that_are_multiples_are_counted(network):
    graph, tensors = network
    dictionary = tensors["conv1/dictionary"]
    dictionary[1], dictionary[2] = -3.7 * dictionary[0], 0
    assert "D, k = 3 atoms of 3 channels, some multiples of others: 1 would do" in texts(
        draw_dictionary(graph, tensors)
    )


def test_a_dense_network_has_kernels_alone():
    drawing = draw_dictionary(*load_network(build("lenet", variant="dense")))
    assert "W, 20 filters of 5 x 5" in texts(drawing)
    assert not any(text.startswith("D, ") for text in texts(drawing))
    assert len(rectangles(drawing)) == 20 * 27  # a frame, the ground, and 25 taps


def test_the_shipped_model_from_the_command_line(tmp_path, capsys):
    for name in ("d.png", "d.svg"):
        assert main(["dictionaries", str(WEIGHTS), "--out", str(tmp_path / name)]) == 0
        assert name in capsys.readouterr().out
    with Image.open(tmp_path / "d.png") as image:
        assert image.width == draw_dictionary(*load_network(WEIGHTS)).size[0] * SCALE
        assert len(image.convert("RGB").getcolors(2**24)) > 20
    assert "139 lookups" in (tmp_path / "d.svg").read_text()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv2", "layer conv2: expected 1 or 3 input channels, as an image has; found 20"),
        ("fc2", "expected a convolution to draw; found fc2, which is none"),
        ("conv9", "layer conv9: expected one of conv1, pool1, conv2.*; found none of that name"),
    ],
)
def test_layers_that_cannot_be_drawn(layer, message, network):
    with pytest.raises(ExportError, match=message):
        draw_dictionary(*network, layer)


def test_bad_names(tmp_path, capsys):
    assert main(["dictionaries", str(WEIGHTS), "--out", str(tmp_path / "d.gif")]) == 2
    assert "end in .png or .svg" in capsys.readouterr().err
    assert main(["dictionaries", str(tmp_path / "none"), "--out", str(tmp_path / "d.png")]) == 2
    assert "found nothing" in capsys.readouterr().err
    assert main(["dictionaries", str(WEIGHTS), "--layer", "x", "--out", str(tmp_path / "d.png")]) == 2
    assert "expected one of conv1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
