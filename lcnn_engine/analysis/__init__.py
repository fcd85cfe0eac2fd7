"""What a network costs, counted and timed: costs by the paper's rule, summaries, profiles, traces and timelines.

Nothing that predicts depends on this room.
"""
