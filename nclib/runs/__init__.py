"""Networks, training, checkpoints, and what a run leaves."""
