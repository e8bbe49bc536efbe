"""The collapse player: draws one payload of JSON values, and knows no run."""
