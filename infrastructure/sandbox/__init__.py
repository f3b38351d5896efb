"""Programs that others wrote, run apart: a process each, with the standard library and nothing else."""
