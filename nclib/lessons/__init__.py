"""A room a notebook: its pictures, the checks of its exercises. Nothing else imports a lesson."""
