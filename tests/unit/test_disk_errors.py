"""What other libraries say of the disk becomes an OSError, and nothing else does."""

import errno

import pytest
from safetensors import SafetensorError

from infrastructure.disk_errors import disk_errors


@pytest.mark.parametrize("kind", [SafetensorError, Exception, RuntimeError])
@pytest.mark.parametrize(("number", "words"), [(28, "No space left"), (5, "Input/output error"), (13, "denied")])
def test_the_number_that_a_library_hides_in_its_words_is_found(kind: type[Exception], number: int, words: str) -> None:
    with pytest.raises(OSError, match=words) as caught, disk_errors():
        raise kind(f"Error while serializing: I/O error: as it is (os error {number})")
    assert caught.value.errno == number


def test_an_error_of_the_disk_passes_as_it_is() -> None:
    with pytest.raises(OSError, match="mine") as caught, disk_errors():
        raise OSError(errno.ENOSPC, "mine")
    assert caught.value.errno == errno.ENOSPC


def test_what_does_not_speak_of_the_disk_passes_as_it_is() -> None:
    with pytest.raises(SafetensorError, match="header"), disk_errors():
        raise SafetensorError("header too large")
