import json
import math
import mmap
import random
import re
import socket
from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from application.training import QuantileTraining
from application.training_request import TrainModelRequest
from benchmarks import (
    bert_sized,
    daily_shops,
    evaluation,
    forecasting,
    generation,
    gpu,
    language_model,
    overhead,
    scaling,
    seq2seq,
    throughput,
)
from benchmarks import values as simulated_values
from benchmarks.code_trans import CONFIG as CODE_TRANS
from benchmarks.code_trans import part_of
from benchmarks.finetune import is_known
from benchmarks.finetune import table as table_of_finetuning
from benchmarks.long_horizon import CONFIG as LONG_HORIZON
from benchmarks.long_horizon import PUBLISHED, columns_of, repeat_last, split_of, usual_split
from benchmarks.long_text import write_text
from benchmarks.race_nanogpt import OURS, NanoGptLog, first_to_pass, mean_loss
from benchmarks.rank_arms import bytes_sent
from benchmarks.series_feed import Timed, shares, write_series
from benchmarks.sides import Row, SideError, by_turns, in_own_process, table
from benchmarks.suite import BENCHMARKS
from benchmarks.text_memory import measured
from benchmarks.tiny_shakespeare import CONFIG as TINY_SHAKESPEARE
from benchmarks.tiny_shakespeare import Scored, evaluations, settings_of
from domain.forecast import QUANTILES, steps_ahead
from infrastructure.data.series.market_features import DIRECTIONS
from infrastructure.data.windowed.loading import load_series
from infrastructure.runs.run_store import RunStore
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.tasks.series.direction_adapter import DirectionClassification
from infrastructure.tasks.series.quantile_adapter import QuantileForecast
from infrastructure.tasks.series.scoring.metrics import ForecastScores
from infrastructure.tasks.series.scoring.readers import Fitting
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.encoder_decoder_adapter import SequenceToSequence
from tests.support.trainings import training

ROOT = Path(__file__).resolve().parents[2]
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


def request_of(path: Path) -> Any:
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
    assert request.changed(**OURS).device == "cpu"


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
    for task in (SequenceToSequence(0, 2, pack_to) for pack_to in (0, 16)):
        assert task.count_tokens(task.collate(items, None)) == wanted


def test_a_batch_without_a_second_half_counts_its_mask_alone() -> None:
    batch = {
        "input_ids": torch.ones(2, 3),
        "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]]),
        "targets": torch.ones(9),
    }
    assert CausalLanguageModeling(0).count_tokens(batch) == 4
    assert SequenceClassification(["a", "b"]).count_tokens(batch) == 4


def test_what_has_no_tokens_counts_its_rows() -> None:
    windows = {"values": torch.ones(5, 2)}
    assert DirectionClassification(LabelScoring(DIRECTIONS)).count_tokens(windows) == 5
    assert QuantileForecast([0.5], [1], lambda: Fitting([0.5], [1], 1)).count_tokens(windows) == 5
    assert (
        PlainModule(torch.nn.functional.mse_loss).count_tokens({"input": torch.ones(5, 2), "target": torch.ones(5)})
        == 5
    )


def forecasting_table(shared: Path, name: str) -> Path:
    path = shared / "data" / "forecasting" / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


def test_the_recipe_of_long_horizons_is_a_valid_run_of_the_usual_budget() -> None:
    request = request_of(LONG_HORIZON)
    assert request.split == (8640, 2880, 2880)
    assert steps_ahead(request.horizons) == tuple(range(1, 97))
    assert request.calibration == "guarded"


@pytest.mark.parametrize("task", ["quantile_forecasting", "market_direction"])
def test_the_run_file_of_a_forecasting_task_says_what_happens_without_it(task: str) -> None:
    assert request_of(LONG_HORIZON.with_name(f"{task}.yaml")) == TrainModelRequest(task=task).resolved()


def test_hourly_tables_are_cut_by_months_and_others_by_shares(shared: Path) -> None:
    assert usual_split(forecasting_table(shared, "ETTh1")) == (8640, 2880, 2880)
    assert usual_split(forecasting_table(shared, "exchange_rate")) == (5311, 760, 1517)


def test_shares_are_rounded_down_at_both_ends_and_numbers_of_rows_are_taken_as_they_are() -> None:
    assert split_of("0.7,0.1,0.2", 10) == (7, 1, 2)
    assert split_of("0.7,0.1,0.2", 7588) == (5311, 760, 1517)
    assert split_of("8640,2880,2880", 17_420) == (8640, 2880, 2880)
    with pytest.raises(SystemExit, match="three numbers"):
        split_of("0.7,0.3", 10)


def test_columns_are_those_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("date,a,where,b\n2020-01-01,-1.5,here,2e-3\n2020-01-02,3,there,-4\n", encoding="utf-8")
    assert columns_of(path).tolist() == [[-1.5, 0.002], [3.0, -4.0]]


@pytest.mark.parametrize("name", ["ETTh1", "exchange_rate"])
def test_repeat_last_from_the_file_is_what_the_windows_give_and_what_was_published(shared: Path, name: str) -> None:
    path = forecasting_table(shared, name)
    split = usual_split(path)
    request = training(
        QuantileTraining, "quantile_forecasting", dataset_path=str(path), split=split, context_length=2, horizons=96
    )
    dataset = load_series(request)
    assert dataset.test is not None
    assert len(dataset.test) == split[2] - 96 + 1
    scores = ForecastScores([0.5], range(1, 97), dataset.recipe.target_names, dataset.recipe.target_scales)
    for anchors in np.array_split(dataset.test.anchors, 10):
        window = dataset.test.cut(anchors)
        last = window["values"][:, -1]
        scores.add(np.broadcast_to(last[:, :, None, None], (*window["target"].shape, 1)), window["target"], last)
    mse, mae = repeat_last(columns_of(path), split, range(1, 97))
    found = scores.metrics()
    assert (found["repeat_last_mse"], found["repeat_last_mae"]) == pytest.approx((mse, mae), abs=1e-5)
    # A repeated value forecast by a model is scored like the baseline itself.
    assert (found["mse"], found["mae"]) == pytest.approx((mse, mae), abs=1e-5)
    printed = next(row for row in PUBLISHED[name] if row[0] == "repeat-last")
    assert (mse, mae) == pytest.approx(printed[1:3], abs=1e-3)


def test_a_made_up_series_is_the_same_in_whatever_pieces_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rows_at_once in (1000, 64):
        monkeypatch.setattr("benchmarks.series_feed.CHUNK_ROWS", rows_at_once)
        write_series(tmp_path / f"{rows_at_once}.csv", 200)
    content = (tmp_path / "64.csv").read_text(encoding="utf-8")
    assert content == (tmp_path / "1000.csv").read_text(encoding="utf-8")
    lines = content.splitlines()
    assert len(lines) == 201
    assert [line.split(",")[0].strip('"') for line in lines[60:62]] == ["2010-01-01 00:59:00", "2010-01-01 01:00:00"]


def test_one_slow_step_does_not_move_the_share_that_a_model_computes() -> None:
    steps = [Timed(feeding=0.001, computing=0.009, num_windows=32)] * 4 + [Timed(9.0, 0.009, 32)]
    assert shares(steps) == {
        "computing_share": 0.9,
        "feeding_ms": 1.0,
        "computing_ms": 9.0,
        "windows_per_second": 32_000,
        "steps": 5,
    }


class TestOfFineTuning:
    SIZES: ClassVar[dict[str, Any]] = {"steps": 8, "trained": 1.0, "checkpoint_bytes": 2**20, "peak_bytes": 2**30}

    def lines(self) -> list[dict[str, Any]]:
        seconds = {("full", 1): 3.0, ("trainer-full", 1): 4.0, ("full", 2): 5.0, ("trainer-full", 2): 5.0}
        return [
            {"side": side, "rows": "9", "seed": seed, "seconds": took, "accuracy": 0.9 - took / 100, **self.SIZES}
            for (side, seed), took in seconds.items()
        ]

    def test_ratios_are_of_the_same_seed_and_the_median_of_two_is_their_mean(self) -> None:
        told = table_of_finetuning(
            [{"side": "tfidf", "rows": "9", "seed": 1, "accuracy": 0.5}, *self.lines()]
        ).splitlines()
        assert told[1].split()[:4] == ["9", "tfidf", "1", "0.5000"]
        assert told[-1].strip() == "9 full beside Trainer: seconds x 0.88 (0.75 to 1.00), accuracy +0.0050"

    def test_what_was_measured_is_not_measured_again(self, tmp_path: Path) -> None:
        file = tmp_path / "found.jsonl"
        case = {"side": "full", "rows": "9", "seed": 1}
        assert not is_known(file, case)
        file.write_text("".join(json.dumps(line) + "\n" for line in self.lines()))
        assert is_known(file, case)
        assert not is_known(file, {**case, "seed": 3})


def test_shops_by_the_day_are_compared_on_the_windows_that_their_lines_name(tmp_path: Path) -> None:
    values = daily_shops.sales(200, seed=0)
    table = daily_shops.write(tmp_path / "shops.csv", values)
    request = training(QuantileTraining, "quantile_forecasting", dataset_path=str(table), gaps="fill", horizons=[1])
    dataset = load_series(request)
    assert dataset.test is not None
    anchor = int(dataset.test.row_id(5).rpartition(":")[2]) - 2
    series, recipe = dataset.test.series, dataset.recipe
    seen = np.where(series.observed, series.values, np.nan) * recipe.scaler.scale + recipe.scaler.mean
    assert anchor == int(dataset.test.anchors[5])
    assert seen[anchor] == pytest.approx(values[anchor], rel=1e-5, nan_ok=True)
    filled = daily_shops.without_holes(values[:, 0])
    assert np.isfinite(filled).all()
    gap = int(np.flatnonzero(np.isnan(values[:, 0]))[-1])
    assert filled[gap] == filled[gap - 7]


@pytest.mark.parametrize(
    ("drawn", "law"),
    [
        (simulated_values.counts, simulated_values.of_counts),
        (simulated_values.parts, simulated_values.of_parts),
    ],
)
def test_the_true_quantiles_of_a_simulated_table_hold_what_they_say(drawn: Any, law: Any) -> None:
    values, quantiles = drawn(np.random.default_rng(3))[:, None], law()
    for level, below, under in zip(
        QUANTILES, (values <= quantiles).mean(axis=0), (values < quantiles).mean(axis=0), strict=True
    ):
        assert under - 0.04 <= level <= below + 0.04


def test_what_a_connection_of_this_process_has_sent_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sender:
        receiver, _ = server.accept()
        with receiver:
            before = bytes_sent()
            sender.sendall(bytes(30_000))
            assert len(receiver.recv(30_000, socket.MSG_WAITALL)) == 30_000
            receiver.sendall(b"!")  # its acknowledgement comes with it
            sender.recv(1)
            assert 30_000 <= bytes_sent() - before <= 30_001


def test_sides_are_compared_within_each_round() -> None:
    queue = [10.0, 20.0, 40.0, 10.0]  # in the second round the other side is asked first
    turns = by_turns("", {"one": {}, "two": {}}, 2, lambda file, side: {"tokens": queue.pop(0)})
    row = turns.row("speed", "tokens/s", "two", "one", "tokens", least=3.0)
    assert (row.ours, row.theirs, row.ratios, row.is_kept) == (30.0, 10.0, (2.0, 4.0), True)


def test_a_row_says_what_was_missed_what_was_not_measured_and_that_others_were_busy() -> None:
    missed = Row("loop", "ms", 1.1, "bare", 1.0, (1.2, 1.1, 1.0), most=1.03, others=0.4, command="python b.py")
    told = table([missed, Row("race", "", beside="nanoGPT", note="not measured: give --nanogpt DIR", least=1.5)])
    assert (
        "| 1.1 (1 to 1.2); other programs took 40% of the machine | 3 | at most 1.03, **missed** | `python b.py` |"
        in told
    )
    assert "| nanoGPT |  | not measured: give --nanogpt DIR |  | at least 1.5 |" in told


def test_a_side_that_fails_says_its_last_line(tmp_path: Path) -> None:
    script = tmp_path / "side.py"
    script.write_text("import json, sys\nprint(json.dumps({'rows': 2}) if 'works' in sys.argv[2] else 1 / 0)\n")
    assert in_own_process(str(script), {"name": "works"}) == {"rows": 2}
    with pytest.raises(SideError, match="broken: ZeroDivisionError"):
        in_own_process(str(script), {"name": "broken"})


def test_the_page_tells_what_each_benchmark_holds_its_ratio_to() -> None:
    page = (ROOT / "docs/how_fast.md").read_text(encoding="utf-8")
    told = re.findall(r"\| (?:at least |at most )?([\d.]+(?: to [\d.]+)?) \| `python benchmarks/(\w+).py([^`]*)`", page)
    flat = "{least} to {most}".format(**scaling.FLAT)
    assert {(file, words): limit for limit, file, words in told} == {
        ("throughput", ""): f"{throughput.WANTED:g}",
        **{("bert_sized", f" --layers {layers}"): f"{least:g}" for layers, least in bert_sized.LEAST_SPEED.items()},
        ("seq2seq", ""): f"{seq2seq.WANTED:g}",
        ("language_model", " --nanogpt DIR"): f"{language_model.WANTED:g}",
        ("forecasting", " --peer PYTHON"): f"{forecasting.WANTED:g}",
        ("overhead", ""): f"{overhead.MOST:g}",
        ("evaluation", ""): f"{evaluation.WANTED:g}",
        ("generation", " --before DIR"): f"{generation.WANTED:g}",
        ("startup", ""): "1",
        ("scaling", " --part rows"): flat,
        ("gpu", " --part speed"): f"{gpu.LEAST_SHARE:g}",
    }


def test_each_benchmark_of_the_suite_is_there_and_says_what_it_lacks() -> None:
    for name in BENCHMARKS:
        assert f"python benchmarks/{name}.py" in (ROOT / f"benchmarks/{name}.py").read_text(encoding="utf-8")
    options = Namespace(nanogpt=None, peer=None, quick=True, steps=[1, 1], rounds=1, rate="per_second")
    assert {row.note for row in language_model.rows(options)} == {"not measured: give --nanogpt DIR"}
    assert {row.note for row in forecasting.rows(options)} == {"not measured: give --peer PYTHON"}
