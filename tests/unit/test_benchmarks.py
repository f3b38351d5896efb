import json
import math
import mmap
import random
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from application.training_request import TrainModelRequest
from benchmarks.code_trans import CONFIG as CODE_TRANS
from benchmarks.code_trans import part_of
from benchmarks.long_text import write_text
from benchmarks.race_nanogpt import OURS, NanoGptLog, first_to_pass, mean_loss
from benchmarks.text_memory import measured
from benchmarks.tiny_shakespeare import CONFIG as TINY_SHAKESPEARE
from benchmarks.tiny_shakespeare import Scored, evaluations, settings_of
from infrastructure.runs.run_store import RunStore
from infrastructure.tasks.adapter import num_tokens_of
from infrastructure.tasks.seq2seq import SequenceToSequence

LOG = """number of parameters: 0.80M
step 0: train loss 4.2, val loss 4.3
iter 0: loss 4.2, time 5000.00ms, mfu -100.00%
iter 1: loss 4.1, time 20.00ms, mfu -100.00%
iter 2: loss 4.0, time 30.00ms, mfu -100.00%
step 3: train loss 3.8, val loss 3.9
saving checkpoint to out
iter 3: loss 3.9, time 4000.00ms, mfu -100.00%
iter 4: loss 3.8, time 40.00ms, mfu -100.00%
step 5: train loss 3.6, val loss 3.7001
iter 5: loss 3.7, time 4000.00ms, mfu -100.00%
"""


def request_of(path: Path) -> TrainModelRequest:
    return RunStore().read_request(str(path)).resolved()


def test_a_median_stands_for_each_iteration_of_nanogpt_that_evaluated_and_the_one_behind_the_end_is_not_counted() -> (
    None
):
    log = NanoGptLog.read(LOG)
    assert log.training_seconds(5) == pytest.approx((20 + 30 + 40 + 2 * 30) / 1000)
    assert log.estimates[5] == 3.7001


def test_a_log_that_lacks_iterations_gives_no_time() -> None:
    with pytest.raises(AssertionError, match="printed 6 of 7"):
        NanoGptLog.read(LOG).training_seconds(7)


@pytest.mark.parametrize("length", [2, 8, 9, 16, 1000])
def test_each_token_but_the_first_is_scored_once_whatever_the_context(length: int) -> None:
    ids = torch.randint(5, (length,), generator=torch.Generator().manual_seed(length))
    # A model that knows the chance of each token after the last one needs no context: every cut gives one answer.
    table = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    chances = table.double().softmax(1)
    expected = -sum(math.log(chances[a, b]) for a, b in pairwise(ids)) / (length - 1)

    def scores(inputs: Tensor, targets: Tensor) -> Tensor:
        return table[inputs]

    for context in (1, 8, 64):
        assert mean_loss(scores, ids, context) == pytest.approx(expected, rel=1e-5)


def test_the_targets_given_to_the_scorer_are_those_that_are_scored() -> None:
    ids = torch.arange(20) % 7

    def scores(inputs: Tensor, targets: Tensor) -> Tensor:
        return 100.0 * one_hot(targets, 7)

    assert mean_loss(scores, ids, 8) == pytest.approx(0.0, abs=1e-6)


def test_the_race_is_won_at_the_first_evaluation_that_is_not_worse() -> None:
    evaluated = [Scored(10, 1.0, 2.1), Scored(20, 2.0, 1.9), Scored(30, 3.0, 1.8)]
    assert first_to_pass(evaluated, 1.9) == evaluated[1]
    assert first_to_pass(evaluated, 1.7) is None


def test_evaluations_pair_loss_and_seconds_of_a_step(tmp_path: Path) -> None:
    entries = [("train_loss", 9.0, 20), ("eval_loss", 2.0, 20), ("train_seconds", 5.0, 20), ("eval_loss", 3.0, 10)]
    entries.append(("train_seconds", 2.5, 10))
    lines = [json.dumps({"name": name, "value": value, "step": step}) for name, value, step in entries]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert evaluations(tmp_path) == [Scored(10, 2.5, 3.0), Scored(20, 5.0, 2.0)]


def test_settings_are_json_where_they_are_json() -> None:
    assert settings_of(["seed=1", "tokenizer=bpe", "packing=true"]) == {"seed": 1, "tokenizer": "bpe", "packing": True}
    with pytest.raises(SystemExit, match="KEY=VALUE"):
        settings_of(["seed"])


def test_the_recipe_of_tiny_shakespeare_keeps_the_budget_of_nanogpt() -> None:
    request = request_of(TINY_SHAKESPEARE)
    budget = (request.model_name, request.max_length, request.max_steps, request.batch_size, request.validation_split)
    assert budget == ("decoder-tiny", 64, 2000, 12, 0.1)
    assert request.changed(**OURS).resolved().device == "cpu"


def test_the_recipe_of_code_translation_is_a_valid_run() -> None:
    assert request_of(CODE_TRANS).task == "sequence_to_sequence"


def test_a_part_is_one_file_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "test.csv").touch()
    assert part_of(tmp_path, "test").name == "test.csv"
    (tmp_path / "test.jsonl.gz").touch()
    with pytest.raises(SystemExit, match=r"test\.jsonl\.gz, test\.csv"):
        part_of(tmp_path, "test")
    with pytest.raises(SystemExit, match="none"):
        part_of(tmp_path, "train")


def test_a_long_text_repeats_its_lines_in_another_order_and_comes_out_equal(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        write_text(tmp_path / name, 50_000)
    content = (tmp_path / "one.txt").read_bytes()
    assert len(content) == 50_000
    assert content == (tmp_path / "two.txt").read_bytes()
    assert len(set(content.splitlines())) > 0.5 * len(content.splitlines())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the marks of a Linux kernel")
def test_memory_that_is_given_back_still_counts_as_the_peak_and_earlier_peaks_do_not() -> None:
    def take(mib: int) -> None:
        with mmap.mmap(-1, mib << 20) as pages:  # not from the heap, which may keep what is freed
            for place in range(0, len(pages), mmap.PAGESIZE):
                pages[place] = 1

    take(96)
    growth, _ = measured(lambda: take(32))
    assert 31 <= growth <= 64


def test_a_translation_counts_the_tokens_it_reads_and_those_it_writes_however_they_are_packed() -> None:
    draw = random.Random(0)
    lengths = [(draw.randint(1, 9), draw.randint(1, 9)) for _ in range(6)]
    items = [
        {"input_ids": torch.ones(s, dtype=torch.long), "labels": torch.ones(t, dtype=torch.long)} for s, t in lengths
    ]
    wanted = sum(map(sum, lengths))
    assert {num_tokens_of(SequenceToSequence(0, 2, pack_to).collate(items, None)) for pack_to in (0, 16)} == {wanted}


def test_a_batch_without_a_second_half_counts_its_mask_alone() -> None:
    batch = {
        "input_ids": torch.ones(2, 3),
        "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]]),
        "targets": torch.ones(9),
    }
    assert num_tokens_of(batch) == 4
    assert num_tokens_of({"values": torch.ones(5, 2)}) == 5
