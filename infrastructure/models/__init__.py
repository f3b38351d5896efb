"""Models: from presets, from directories, from the hub; and their life as a directory."""

from transformers.utils.import_utils import is_torchao_available
from transformers.utils.logging import disable_progress_bar

from infrastructure.models.left_out import left_out

disable_progress_bar()  # our own display tells how far a run is
with left_out("torchao"):
    is_torchao_available()
