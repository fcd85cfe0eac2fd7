"""Training a configuration's network in a run folder: the step, its replicas, schedules, checkpoints, callbacks.

``fit`` is where it begins, ``loop`` the epochs, ``step`` a batch. Batches come from ``data``; a finished run is loaded,
evaluated and exported by ``sources`` and ``export``.
"""
