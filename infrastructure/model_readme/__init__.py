"""The readme of a model: what the hub reads, and what a person who gets the model must know."""
