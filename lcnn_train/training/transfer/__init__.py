"""What a trained dictionary is good for in other networks (LCNN, section 4.2), each a comparison with its own report.

``few_shot``: new classes from a few images of each; ``few_iteration``: deeper networks by the dictionaries of a small
one. ``learners`` is what learns in the former, ``reporting`` writes JSON and draws. Networks are trained by
``training`` in run folders, so an interrupted comparison goes on where it was.
"""
