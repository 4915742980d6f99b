"""One loop for all trainings: steps, checkpoints, averages, curves and sheets."""
