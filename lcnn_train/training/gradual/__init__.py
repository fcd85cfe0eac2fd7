"""Gradual sparsity: lookups of trained layers are taken away little by little, while training goes on.

``costs`` says what a lookup and an atom cost, ``predicted`` what they take on this machine, ``units`` names both;
``allocation`` says which are kept for a budget, ``pruner`` when, and applies it to a model; ``gradients`` are those of
entries that are 0 too. ``callback`` is the whole for plain `fit`; the trainer's own step calls the pruner itself.
Nothing here needs TensorFlow: any backend of Keras will do.
"""
