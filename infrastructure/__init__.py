"""Adapters: torch, transformers and files behind the ports of the application."""

import os

# Read by OpenMP when torch is loaded. Threads that wait actively lose most of the speed as soon as another program
# wants a core, and gain little when none does (benchmarks/levers.py, with and without --busy).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
