"""Trained models from wherever they lie: run folders, ``.keras`` files, model files; and their accuracy."""
