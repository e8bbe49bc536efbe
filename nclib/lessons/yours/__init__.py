"""Of notebook 11, your own network."""
