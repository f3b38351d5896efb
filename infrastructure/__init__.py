"""Adapters: torch, transformers and files behind the ports of the application."""

import os

# Read by OpenMP when torch is loaded: how often a thread looks for work before it sleeps. Its own default of 300,000
# loses most of the speed as soon as another program wants a core; none at all costs a fifth on a quiet machine
# (benchmarks/levers.py, with and without --busy).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
