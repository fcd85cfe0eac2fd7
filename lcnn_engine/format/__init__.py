"""The model file: text and bytes into a checked graph with its tensors, and back; MODEL_FORMAT.md is the page it keeps.

What operations mean is not here (``model``), nor how they are run (``plan``).
"""
