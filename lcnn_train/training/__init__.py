"""Training: the step, its replicas, schedules, checkpoints, and what is seen of it."""
