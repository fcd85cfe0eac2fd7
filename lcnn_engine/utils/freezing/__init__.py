"""What PyInstaller is told of this package: modules that are imported by name, and files. It finds the folder itself.

Each ``hook-MODULE.py`` counts where a program imports that module, so a program that predicts takes what predicting
needs. Nothing here is imported by the engine.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["hook_folders"]


def hook_folders() -> list[str]:
    """Name the folders of hooks, for PyInstaller's entry point ``hook-dirs``."""
    return [str(Path(__file__).parent)]
