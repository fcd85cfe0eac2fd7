"""The schema of an experiment, section by section, and the experiments that come with the package (``presets``).

Sections hold values and check them; what is built from them is in ``models``, ``data`` and ``training``.
"""
