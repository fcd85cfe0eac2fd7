"""Small tools without knowledge of networks: files, progress bars, names given late, TensorFlow kept quiet.

What only one room needs lies in that room.
"""
