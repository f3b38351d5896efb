"""Adapters: torch, transformers and files behind the ports of the application."""

import os
import sys

# Read by OpenMP when torch is loaded: how often a thread looks for work before it sleeps. Its own default of 300,000
# loses most of the speed as soon as another program wants a core; none at all costs a fifth on a quiet machine
# (benchmarks/levers.py, with and without --busy).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Read when the first tensor goes to a GPU: pieces of memory that grow leave fewer gaps between batches of other lengths
# than pieces of fixed sizes do. Who has said something else there has his reasons.
if sys.platform == "linux" and not {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"} & os.environ.keys():
    os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"

# Read by CUDA's library of products when it is first used: with workspaces of this kind it sums in one order, which is
# what `deterministic` wants. They take 32 MiB.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
