"""Images of every kind as pixels, each read once where they are cached."""

import numpy as np

from lcnn_engine.images.preprocessing import to_pixels
from tests.helpers.batches import WIDE, WIDE_SHAPE, training
from tests.helpers.image_trees import SYNSETS


def test_images_of_other_kinds_look_as_they_should(train):
    """A CMYK or PNG "JPEG" of a photograph's part is near the same part of an ordinary JPEG's colours."""
    kinds = [to_pixels(train.read(SYNSETS.index(synset) * 6), WIDE.for_engine(), WIDE_SHAPE) for synset in SYNSETS]
    plain = [to_pixels(train.read(SYNSETS.index(synset) * 6 + 3), WIDE.for_engine(), WIDE_SHAPE) for synset in SYNSETS]
    for i in (0, 1):
        difference = np.abs(kinds[i].mean((0, 1)) - plain[i].mean((0, 1))).max()
        assert difference < 60, "expected the colours not inverted"
    assert (kinds[2][..., 0] == kinds[2][..., 1]).all()


def test_what_is_cached_is_read_once(train):
    reads = []

    class Counting:
        labels, classes, source, skipped = train.labels, train.classes, train.source, train.skipped

        def __len__(self):
            return len(train)

        def read(self, index):
            reads.append(index)
            return train.read(index)

        name = read

    training(Counting(), epochs=4, cache=64)
    readable = [i for i in reads if i not in (1, 20)]
    assert len(readable) <= 2 * len(set(readable)), "expected at most one read more, by a second thread"
