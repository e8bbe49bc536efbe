"""Figures that more than one notebook uses."""
