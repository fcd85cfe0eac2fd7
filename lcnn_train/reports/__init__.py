"""What is shown of models and runs: costs as tables, curves of a training, dictionaries as figures.

Nothing here prints, that is for ``cli``; the rule by which costs are counted is the engine's.
"""
