"""Small tools without knowledge of networks: whole-or-nothing files, tables, messages, drawing.

A helper that knows graphs, images or kernels belongs in the room of that subject.
"""
