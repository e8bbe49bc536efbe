"""What the papers say: pure functions of tensors, and the models of free features."""
