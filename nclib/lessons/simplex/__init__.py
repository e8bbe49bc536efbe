"""Of notebook 01, why a simplex."""
