"""This tree against another commit: whether results are the same to the bit, and how many times as long both take.

``python -m benchmarks.revisions COMMIT``. Both sides read the same model files and are driven by this tree's code,
which uses only public names of the engine, so that each side may lay out its modules as it likes.
"""
