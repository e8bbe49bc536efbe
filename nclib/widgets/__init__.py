"""Pictures you can touch: the collapse player, slider panels, live training."""
