"""Features of a model's layers, a row a sample, and what is said of them."""
