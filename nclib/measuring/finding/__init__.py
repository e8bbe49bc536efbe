"""The linear classifier of any model, found by what it computes."""
