"""A room a notebook: its own pictures, and the checks of its exercises. Nothing imports a lesson."""
