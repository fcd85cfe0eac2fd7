"""The command ``lcnn``, whose commands are imported when they are asked for."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = collect_submodules("lcnn_engine.cli")
