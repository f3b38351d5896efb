"""What other libraries say of a disk that refuses, said as Python says it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBER = re.compile(r"\(os error (\d+)\)")


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what safetensors and tokenizers raise when the disk refuses into the OSError it is.

    Both tell of the disk in words alone, "No space left on device (os error 28)": safetensors in an error of its own,
    tokenizers in a bare Exception. What does not speak of the disk passes as it is.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        found = _NUMBER.search(str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
