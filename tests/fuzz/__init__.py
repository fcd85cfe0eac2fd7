"""Inputs made to break the engine, as long as there is time: ``make fuzz MINUTES=5``, ``python -m tests.fuzz``.

A kind of inputs (``model_files``, ``pictures``, ``onnx_files``, ``networks``) makes them by a seed and judges what
comes of each: refused with an error of ours, or right, within its time and memory. ``worker`` is the process that they
are tried in, which notes each before it tries it; ``pool`` starts such processes, and finds out what ended one;
``campaign`` shares out the work, counts, and keeps what was found and what was new. ``kills`` is about something else:
programs that are killed at any moment, and what they leave. What was found once is a test beside the code that it was
found in.
"""
