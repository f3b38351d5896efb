"""Models: from presets, from directories, from the hub; and their life as a directory."""

from transformers.utils.logging import disable_progress_bar

disable_progress_bar()  # our own display tells how far a run is
