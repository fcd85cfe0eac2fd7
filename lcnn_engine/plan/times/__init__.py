"""What a plan takes, in seconds on one core, without running it: a model that is linear in what each call consists of.

``amounts`` and ``moving`` say what a call consists of: multiplications in vectors, values moved, bytes by the cache
that they come from. ``machines`` has the nanoseconds that each of these takes, fitted for a variant on a processor
(``python -m benchmarks.fit_costs``, which writes ``machines.json``), and chooses the nearest for the one at hand.
``predicting`` multiplies the two. Nothing here measures, and nothing depends on anything but the calls and the
constants: the same plan has the same times wherever the same class of machine is chosen.
"""
