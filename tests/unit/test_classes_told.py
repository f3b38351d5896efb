"""Of many classes a person is told the worst and what they are taken for, whatever they are called."""

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from application.use_cases.train_model import TrainModelResponse
from domain.events import Warned
from domain.headlines import headlines_of, over_series_told, score_with_range
from presentation.cli.classes import confused_pairs, write_classes
from presentation.cli.summary import write_scores, write_summary
from presentation.cli.watching import ConsoleMonitor

HOSTILE = ("\u202eevil\x1b[31m<script>", "L" * 1_000, "مرحبا", "[bold]x[/bold]", "same " * 12 + "a")


def metrics_of(labels: list[str]) -> dict[str, Any]:
    """Make metrics of a model that answers every third row of label n as n + 1, and knows nothing of the last label."""
    number = len(labels)
    matrix = [[0] * number for _ in labels]
    per_class: dict[str, dict[str, Any]] = {}
    for true, label in enumerate(labels[:-1]):
        matrix[true][true], matrix[true][(true + 1) % number] = 2 * true, true
        score = true / number
        per_class[label] = {"precision": score, "recall": score, "f1": score, "support": 3 * true}
    per_class[labels[-1]] = {"precision": None, "recall": None, "f1": None, "support": 0}
    return {"per_class": per_class, "confusion_matrix": matrix}


def told(labels: list[str], width: int = 80) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, emoji=False, highlight=False)
    write_classes(console, metrics_of(labels), "rows", "--json")
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_of_twelve_classes_all_are_told() -> None:
    lines = told([f"c{number}" for number in range(12)])
    assert [line.split()[0] for line in lines] == ["label", *(f"c{number}" for number in range(12))]
    assert lines[-1].split() == ["c11", "-", "-", "-", "0"]


def test_of_77_the_worst_ten_and_the_ten_most_confused_pairs_are_told_and_where_all_are() -> None:
    lines = told([f"c{number}" for number in range(77)])
    # c0 has no rows either; the worst of the others are those with the lowest F1.
    assert lines[0] == "worst 10 of 77 classes by F1 (2 without rows here)"
    assert [line.split()[0] for line in lines[2:12]] == [f"c{number}" for number in range(1, 11)]
    assert lines[2].split() == ["c1", "0.013", "0.013", "0.013", "3"]
    assert lines[12] == "most confused"
    assert lines[14].split() == ["c75", "c76", "75", "33%"]
    assert len(lines) == 25
    assert lines[-1] == "all 77 classes: --json"


def test_classes_of_the_same_f1_are_told_with_the_most_rows_first() -> None:
    metrics = metrics_of([f"c{number}" for number in range(20)])
    for scores in metrics["per_class"].values():
        scores["f1"] = 0.0
    out = io.StringIO()
    write_classes(Console(file=out, width=80), metrics, "rows", "--json")
    assert [line.split()[0] for line in out.getvalue().splitlines()[2:5]] == ["c18", "c17", "c16"]


def test_more_classes_than_are_compared_have_no_pairs() -> None:
    metrics = metrics_of([f"c{number}" for number in range(40)])
    del metrics["confusion_matrix"]
    assert confused_pairs(metrics) == []
    out = io.StringIO()
    write_classes(Console(file=out, width=80), metrics, "rows", "--json")
    assert "most confused" not in out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("number", [len(HOSTILE), 30])
def test_long_and_hostile_labels_stay_on_their_line(width: int, number: int) -> None:
    labels = [*HOSTILE, *(f"c{count}" for count in range(number - len(HOSTILE)))]
    lines = told(labels, width)
    assert all(cell_len(line) <= width for line in lines)
    heading = next(count for count, line in enumerate(lines) if line.split()[0] == "label")
    assert len(lines) - heading == (number + 1 if number <= 12 else 24)
    text = "\n".join(lines)
    assert not {"\u202e", "\x1b"} & set(text)
    if width == 200 and number <= 12:
        assert "\\u202eevil\\x1b[31m<script>" in text


SCORES = {"macro_f1": 0.812, "accuracy": 0.83, "loss": 0.4512}
SURE = {"macro_f1": (0.7912, 0.8312), "accuracy": (0.8123, 0.8481), "bow_macro_f1": (0.5, 0.75)}


def scores_told(width: int, *of: Any) -> tuple[list[str], dict[str, str]]:
    out = io.StringIO()
    below = write_scores(Console(file=out, width=width), *of)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert all(cell_len(line) <= width for line in lines)
    return lines, below


@pytest.mark.parametrize("width", [60, 80])
def test_scores_stand_beside_their_ranges(width: int) -> None:
    baselines = {"bow_macro_f1": 0.7, "bow_accuracy": 0.71}
    (_, ours, theirs), below = scores_told(width, SCORES, baselines, "text_classification", SURE)
    assert ours.split() == ["this", "model", "0.8120", "(0.79-0.83)", "0.8300", "(0.81-0.85)"]
    assert theirs.split() == ["bag", "of", "words", "0.7000", "(0.50-0.75)", "0.7100"]
    assert below == {"in brackets": "95% ranges: what other rows would change, not another seed"}


@pytest.mark.parametrize("width", [60, 80])
def test_ranges_of_more_scores_than_have_room_are_told_below(width: int) -> None:
    scores: dict[str, Any] = dict.fromkeys(("crps", "mse", "mae", "picp_80", "loss"), 0.4123)
    baselines = {f"repeat_last_{name}": 0.5 for name in ("mse", "mae", "loss")}
    sure = dict.fromkeys((*scores, *baselines), (0.38, 0.45))
    (*_, ours, theirs), below = scores_told(width, scores, baselines, "quantile_forecasting", sure)
    assert ours.split() == ["this", "model", "0.4123", "0.4123", "0.4123", "0.4123", "41.2%"]
    assert theirs.split() == ["repeat", "last", "0.5000", "-", "0.5000", "0.5000", "-"]
    assert below["95% ranges"] == (
        "pinball loss 0.38-0.45, CRPS 0.38-0.45, MSE 0.38-0.45, MAE 0.38-0.45, PICP 80 38-45%"
    )
    assert "other windows would change" in below["ranges are"]


def test_a_narrow_terminal_has_scores_below_each_other_and_tears_none() -> None:
    names = ("loss", "crps", "mse", "mae", "mase", "wql", "picp_80")
    scores = {name: 0.1 + number / 100 for number, name in enumerate(names)} | {"mase_unweighted": 0.5}
    baselines = {f"seasonal_naive_{name}": 0.5 for name in ("mse", "mae", "mase", "wql", "loss")}
    wide, _ = scores_told(80, scores, baselines, "quantile_forecasting", {})
    narrow, _ = scores_told(40, scores, baselines, "quantile_forecasting", {})
    assert len(wide) == 3
    assert len(narrow) == 3 * 3
    for line, start in ((1, "this model"), (2, "seasonal naive")):
        joined = " ".join(row.strip().removeprefix(start) for row in narrow[line::3])
        assert joined.split() == wide[line].strip().removeprefix(start).split()


def test_scores_of_many_series_are_no_headlines_of_one_table() -> None:
    scores = {"loss": 0.1, "mae": 0.2, "mase": 0.3, "wql": 0.4}
    assert headlines_of(scores) == ["loss", "mae"]
    assert headlines_of({**scores, "mase_unweighted": 0.3}) == ["loss", "mae", "mase", "wql"]


def test_scores_in_which_series_weigh_alike_stand_beside_those_of_the_best_simple_rival() -> None:
    metrics: dict[str, Any] = {"num_series": 60, "mase_unweighted": 0.85, "wql_unweighted": 0.3}
    metrics |= {"repeat_last_mase_unweighted": 1.5, "repeat_last_wql_unweighted": 0.5}
    ours = "MASE 0.8500 and WQL 0.3000 on average of 60 that weigh alike"
    assert over_series_told(metrics) == f"{ours}; repeat last 1.5000 and 0.5000"
    metrics |= {"seasonal_naive_mase_unweighted": 1.0, "seasonal_naive_wql_unweighted": 0.4}
    assert over_series_told(metrics) == f"{ours}; seasonal naive 1.0000 and 0.4000"
    assert over_series_told({"mase": 0.5}) == ""


def test_scores_without_ranges_say_nothing_of_them() -> None:
    _, below = scores_told(80, SCORES, {}, "text_classification", {"weighted_f1": (0.1, 0.2)})
    assert below == {}


@pytest.mark.parametrize(
    ("name", "value", "ends", "written"),
    [
        ("macro_f1", 0.812, (0.7912, 0.8312), "0.8120 (0.79-0.83)"),
        ("macro_f1", 0.812, (0.8111, 0.8133), "0.8120 (0.811-0.813)"),
        ("macro_f1", 0.812, (0.1, 1.0), "0.8120 (0.10-1.00)"),
        ("macro_f1", 1.0, (1.0, 1.0), "1.0000 (1.0000-1.0000)"),
        ("loss", 12.3456, (11.9, 12.9), "12.3456 (11.90-12.90)"),
        ("picp_80", 0.8123, (0.78, 0.852), "81.2% (78-85%)"),
        ("picp_80", 0.8123, (0.8101, 0.8144), "81.2% (81.0-81.4%)"),
        ("perplexity", 12345.6, (11000.0, 13000.0), "1.235e+04 (1.1e+04-1.3e+04)"),
        ("bits_per_byte", 1.2345, (1.2, 1.27), "1.234 (1.20-1.27)"),
        ("eval_macro_f1", 0.5, (0.4, 0.6), "0.5000 (0.40-0.60)"),
        ("macro_f1", 0.5, None, "0.5000"),
        ("macro_f1", None, (0.4, 0.6), "-"),
        ("youden_j", -0.2, (-0.38, 0.09), "-0.2000 (-0.38 to 0.09)"),
    ],
)
def test_a_range_has_as_many_digits_as_tell_its_ends_apart(
    name: str, value: Any, ends: tuple[float, float] | None, written: str
) -> None:
    assert score_with_range(name, value, ends) == written


def test_a_warning_that_was_told_while_the_run_went_on_is_counted_and_not_told_again() -> None:
    response = TrainModelResponse(
        success=True, task="text_classification", final_metrics=SCORES, warnings=("2 rows repeat.", "no better.")
    )
    monitor = ConsoleMonitor(Console(file=io.StringIO()))
    monitor.notify(Warned("2 rows repeat."))
    out = io.StringIO()
    write_summary(Console(file=out, width=80), response, monitor.told)
    assert "warning: no better." in out.getvalue()
    assert "2 rows repeat." not in out.getvalue()
    assert "1 earlier warning in summary.json" in out.getvalue()
    again = io.StringIO()
    write_summary(Console(file=again, width=80), response)  # as `runs show` does
    assert "warning: 2 rows repeat." in again.getvalue()
    assert "earlier" not in again.getvalue()
