"""`python -m presentation.cli` in a checkout; the command `athanor` comes here too."""

import gc
import os
import sys
from contextlib import suppress

from presentation.cli.interrupting import Interrupted, listen, stop_listening

BAD_PLACE = 2
FAILED = 1
OBJECTS_BETWEEN_COLLECTIONS = 10_000


def main() -> None:
    """Run the command line; every foreseen failure is one sentence on standard error and an exit code."""
    listen()
    if "RANK" in os.environ:  # of a process that is gone torch tells each of the others by its own stack
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        exit_code = _answered()
    except Interrupted as interrupted:
        stop_listening()
        from presentation.cli.saying import say_error
        from presentation.cli.speaking import is_told_by_another

        if not is_told_by_another():
            say_error(interrupted.message)
        exit_code = interrupted.exit_code
    stop_listening()
    sys.exit(exit_code)


def program() -> None:
    """Run the command line as the only thing that this process does.

    At an orderly end torch waits for what it has begun to send to other processes of a run, also to those that are
    dead: one that ends for a failure leaves without.
    """
    # Loading the libraries makes millions of objects that stay: to look for garbage among them each time that 700 more
    # are there, as Python does by itself, takes a fifth of a start.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    # The containers' library loads FastAPI where that is installed, which takes half a second: nothing is served here.
    sys.modules.setdefault("fastapi", None)  # type: ignore[arg-type]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int) and end.code and "RANK" in os.environ:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(end.code)
        raise


def _answered() -> int:
    try:
        # Refuses to be imported where Python would take a stranger for `domain`, which `saying` needs too.
        import athanor.own_packages  # noqa: F401
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_PLACE
    # Imported when signals are heard: the first tenth of a second belongs to these.
    from domain.exceptions import ConfigurationError
    from domain.launch import Launch
    from presentation.cli.command_line import answer
    from presentation.cli.speaking import part, speaks

    try:
        Launch.of(os.environ)
    except ConfigurationError as error:  # now, for by it is decided which process speaks
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    try:
        exit_code = answer()
    except Exception as error:
        if speaks((f"{type(error).__name__}: {error}",), FAILED):
            raise
        exit_code = FAILED
    part()
    return exit_code


if __name__ == "__main__":
    program()
