"""A range test of learning rates: its steps, and its picture."""
