"""Small matrices that are trained beside the frozen layers of a model, through the peft library."""
