"""From any Keras model to one of lookup layers, starting from its trained weights.

Which layers are converted (``selection``), how W becomes D and P (``factorization``), the copy (``lookup_model``).
"""
