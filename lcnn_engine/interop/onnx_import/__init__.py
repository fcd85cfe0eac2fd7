"""ONNX models read as networks of the engine: ``conversion.convert`` goes through the rooms' files in this order.

``reading`` (the file), ``nodes`` (its operators), ``tensors`` (its weights), ``constants`` (what can be calculated at
once), ``recognition`` (activations and norms that are written out), ``translation`` (every operator by the functions of
``operators/``, on values whose layout ``layout`` keeps track of, into nodes that ``building`` collects), ``simplify``
(batch norms, paddings and activations join their layers), ``sparsity`` (kernels that are mostly zeros become lookups).
"""
