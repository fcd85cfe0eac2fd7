"""`lcnn-train augmentations` draws them."""

import numpy as np
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.training import DATA


def test_augmentations_are_drawn(tmp_path, capsys):
    output = tmp_path / "drawn.png"
    arguments = ["augmentations", output, DATA / "pictures" / "cat.jpg", "--draws", 2]
    assert run(capsys, *arguments)[0] == 0
    drawn = np.asarray(Image.open(output))
    assert run(capsys, *arguments)[0] == 0
    np.testing.assert_array_equal(drawn, np.asarray(Image.open(output)))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 1000
