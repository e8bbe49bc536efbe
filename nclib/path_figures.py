"""Figures of the central path: signal-to-noise ratios on the flow and in training (notebook 05)."""
