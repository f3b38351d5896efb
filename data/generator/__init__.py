"""Makes the shipped data: hand-written families, drawn into rows with a fixed seed."""
