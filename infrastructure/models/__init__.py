"""Models: from presets, from directories, from the hub; and their life as a directory."""

import sys

from transformers.utils.import_utils import is_torchao_available
from transformers.utils.logging import disable_progress_bar

disable_progress_bar()  # our own display tells how far a run is

# The library loads torchao with the first of its models where it is installed, which takes half a second and writes to
# the screen. It asks once and remembers the answer; what needs torchao imports it by itself.
if "torchao" not in sys.modules:
    sys.modules["torchao"] = None  # type: ignore[assignment]
    is_torchao_available()
    del sys.modules["torchao"]
