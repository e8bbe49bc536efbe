"""What a reader turns: sliders over pictures, live training."""
