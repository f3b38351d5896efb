"""The parts of benchmarks/faults.py: children that are killed, a disk that refuses, and what must come of it."""
