"""One file for each kind of task: how its rows become batches, its loss, its metrics."""
