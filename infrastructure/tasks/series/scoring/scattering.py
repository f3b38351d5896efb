"""Draws some of many without holding all, the same ones however they come in batches."""

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


def scattered(places: Keys) -> Keys:
    """Hash whole numbers one to one, so that no two places share a key.

    Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (2014), the finaliser of SplitMix64.
    """
    with np.errstate(over="ignore"):
        mixed = places + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
