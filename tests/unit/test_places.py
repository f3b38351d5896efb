"""Where a file may be written, which is asked before anything is computed for it."""

from pathlib import Path

import pytest

from domain.exceptions import ConfigurationError
from infrastructure.places import require_place


def test_a_new_file_and_one_to_be_replaced_may_be_written(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    for name in ("there", "new", "new/below/it"):
        require_place(str(tmp_path / name), "output")
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]  # it has only looked


@pytest.mark.parametrize(
    "path", ["", ".", "/dev/stdout", "/dev/fd/1", "/dev/new.json", "/proc/self/new", "a\0b", "a" * 999]
)
def test_what_is_no_place_of_a_file_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^output .*file"):
        require_place(path, "output")
