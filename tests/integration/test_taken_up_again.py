"""What was found by taking runs up in unlikely ways, and by starting commands without their streams."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from domain.exceptions import DatasetError
from infrastructure.data.kept.cache import cache_root
from infrastructure.data.sources.fields import sought
from infrastructure.training import CheckpointManager
from presentation.cli import saying
from tests.fakes.ports import FakeMonitor
from tests.support.asked import asked_texts
from tests.support.tiny_module import Net, rows, trainer


class StopsOnce(FakeMonitor):
    """Asks for one stop, before the seventh step."""

    def __init__(self) -> None:
        super().__init__()
        self._left = 6

    def stop_requested(self) -> str:
        self._left -= 1
        return "cancelled" if self._left == -1 else ""


def test_a_trainer_that_was_stopped_goes_on_when_it_is_asked_again(tmp_path: Path) -> None:
    stopped = trainer(Net(), tmp_path, StopsOnce())
    assert stopped.train()["stop_reason"] == "cancelled"
    assert stopped.train()["steps"] == 16


def test_scores_of_an_average_do_not_count_for_a_run_without_one(tmp_path: Path) -> None:
    settings = {"eval_steps": 2, "early_stopping_patience": 0, "average_decay": 0.9}
    trainer(Net(), tmp_path, StopsOnce(), **settings).train()
    results = trainer(Net(), tmp_path, **{**settings, "average_decay": 0.0}).train(accept_changes=True)
    assert results["best_step"] > 6
    assert any("Scores from before do not count" in warning for warning in results["warnings"])


def test_a_kill_while_changes_are_accepted_leaves_no_score_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"eval_steps": 2, "early_stopping_patience": 0}
    trainer(Net(), tmp_path, StopsOnce(), **settings).train()
    other = rows(11, slope=-10)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(CheckpointManager, "discard", killed)
        disturbed = trainer(Net(), tmp_path, evaluation=other, **settings)
        with pytest.raises(KeyboardInterrupt):
            disturbed.train(accept_changes=True)
    results = trainer(Net(), tmp_path, evaluation=other, **settings).train(accept_changes=True)
    assert results["best_step"] > 6


def test_a_mark_of_byte_order_is_no_part_of_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'\xef\xbb\xbf{"text": "one"}\n')))
    assert asked_texts("-", sought("text", ("text",))) == ["one"]


def test_closed_streams_are_met_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    saying.prepare_streams()
    saying.say_data("said to nobody")
    saying.warn("said to nobody")
    with pytest.raises(DatasetError, match="standard input is closed"):
        asked_texts("-", sought("text", ("text",)))


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("ATHANOR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DatasetError, match="ATHANOR_CACHE"):
        cache_root()
