"""Classes in words."""

from lcnn_train.data.annotations import in_words


def test_words_that_two_classes_share_keep_their_synsets():
    pairs = [("n1", "crane"), ("n2", "cat"), ("n3", "crane"), ("n4", "")]
    assert in_words(pairs) == ("crane (n1)", "cat", "crane (n3)", "n4")
