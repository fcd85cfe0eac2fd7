"""The lookup layers for Keras, which entries of P count, where windows fall, and a callback that logs density.

Conversion of other models is in ``convert``; nothing here knows files.
"""
