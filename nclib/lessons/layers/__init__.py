"""Of notebook 08, collapse through the layers."""
