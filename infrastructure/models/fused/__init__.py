"""Parts of layers with backward passes of their own, for CPUs: fewer and shorter passes over the same numbers.

`norms.py`, `rotary.py`, `gates.py`, `attention.py` and `dropout.py` hold the operations, which know no model; a file
for each family of models puts them to work in its layers, and `replacing.py` says in which.
"""
