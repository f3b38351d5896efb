"""What every test may rely on: no network, a cache of its own, and the data kept beside the repository."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

# Read when transformers and tokenizers are first imported, so said before a test module can import them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Read when torch is first imported. On tensors as small as these a second thread costs more than it brings, and it
# takes the core of the test that runs beside this one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Where a test asks for two threads, one that waits for the other sleeps: on a busy machine, turning in a loop until
# the other gets a core made the golden losses ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import hypothesis
import pytest

from tests.support.browser import Chromium, chromium

# A shell lets what it starts in the background ignore interrupts, and all that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]

# What is loaded and collected here stays until the end. To look through all of it for garbage, again and again as it
# grows, took half of the time that collecting the tests does.
gc.disable()

# A deadline is an assertion on the wall clock, and a draw of its own for each run is a failure nobody can repeat.
hypothesis.settings.register_profile("athanor", deadline=None, derandomize=True)
hypothesis.settings.load_profile("athanor")


def pytest_collection_finish() -> None:
    """Leave what is there by now alone, and look for garbage in what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep tests, and the processes they start, away from the user's caches: of tokenised data, and of the hub."""
    cache = tmp_path_factory.mktemp("athanor-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATHANOR_CACHE", str(cache))
        patch.setenv("HF_HOME", str(cache.with_name("no-models-of-the-hub")))
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
            patch.delenv(name, raising=False)
        yield cache


@pytest.fixture(scope="session", autouse=True)
def drawing_left_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where trainings are tested, draw the pictures of a run for those alone who look at them."""
    folders = {item.path.relative_to(ROOT).parts[1] for item in request.session.items}
    if folders.isdisjoint(("integration", "e2e", "distributed")):
        yield  # and matplotlib is not loaded
        return
    from tests.support.drawing import pictures_undrawn

    with pictures_undrawn():
        yield


@pytest.fixture(scope="module")
def pictures_drawn(drawing_left_out: None) -> Iterator[None]:
    """Draw the pictures of the runs of a module."""
    from tests.support import drawing

    with drawing.pictures_drawn():
        yield


@pytest.fixture(scope="module")
def small_presets() -> Iterator[None]:
    """Train small models in place of the presets that a module names."""
    from tests.support.small_presets import small_presets

    with pytest.MonkeyPatch.context() as patch:
        small_presets(patch)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the directory of public data sets, `ATHANOR_SHARED` or `../shared`; without it the test is skipped."""
    path = (ROOT / os.environ.get("ATHANOR_SHARED", "../shared")).resolve()
    if not (path / "data").is_dir():
        pytest.skip(f"{path} has no data directory: point ATHANOR_SHARED at the shared data sets to run this test")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """Give a headless Chromium to the tests of one module; without one they are skipped."""
    with chromium() as started:
        yield started
