"""The readme of a model says what the hub reads, what it is worth, where to be careful, and nothing of this machine."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from application.training_request import TrainModelRequest
from domain.interval import Interval
from domain.results import Report
from domain.run_layout import README
from domain.task import TASKS
from infrastructure.model_readme.told import ModelTold
from infrastructure.model_readme.writing import readme, write_readme
from presentation.cli.settings import parsed
from tests.fakes.ports import RESULT

LABELS = ["calm", "loud"]
HOSTILE = "---\nlicense: mit\n# <script>`|![x](http://y)\ud800\x1b"


def told(directory: Path, task: str = "text_classification", **changes: Any) -> ModelTold:
    data = {
        "path": "/home/me/secret/rows.json",
        "sha256": "ab" * 32,
        "train": {"num_rows": 80, "num_cut": 3, "label_counts": {"calm": 70, "loud": 10}},
        "evaluation": {"num_rows": 20},
    }
    (directory / "tokenizer_config.json").touch()
    metrics = {"macro_f1": 0.75, "accuracy": 0.8, "loss": float("nan")}
    usual: dict[str, Any] = {
        "directory": directory,
        "request": TrainModelRequest(task=task, dataset_path="/home/me/secret/rows.json", seed=7).resolved(),
        "result": replace(RESULT, final_metrics=metrics),
        "report": Report({"majority_accuracy": 0.5}, intervals={"macro_f1": Interval(0.6, 0.9)}, warnings=("careful",)),
        "card": {"labels": LABELS, "max_length": 64, "data": data} if task == "text_classification" else {"data": data},
        "base": "",
        "versions": {"athanor": "1"},
        "num_train": 80,
        "num_judged": 20,
        "warnings": ("3 rows repeat another",),
    }
    return ModelTold(**(usual | changes))


def card_of(told: ModelTold) -> Any:
    """Read a readme as the hub's library does."""
    write_readme(told)
    return ModelCard.load(told.directory / README)


def test_the_hub_reads_what_the_model_is_and_what_it_is_worth(tmp_path: Path) -> None:
    data = card_of(told(tmp_path)).data
    assert (data.library_name, data.pipeline_tag) == ("transformers", "text-classification")
    assert data.tags == ["athanor", "text_classification"]
    assert (data.license, data.datasets, data.base_model) == (None, None, None)
    scores = {score.metric_type: score for score in data.eval_results}
    assert scores.keys() == {"f1", "accuracy"}  # a loss that is no number is no result
    assert (scores["f1"].metric_value, scores["f1"].metric_name) == (0.75, "macro F1")
    assert (scores["f1"].dataset_name, scores["f1"].dataset_split) == ("rows.json", "validation")


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_readme_that_is_read_back(task: str, tmp_path: Path) -> None:
    card = card_of(told(tmp_path, task))
    assert task in card.data.tags
    for heading in ("How to use it", "What it is worth", "Limits", "How it was trained", "The data"):
        assert f"\n## {heading}\n" in card.text


def test_a_model_tuned_from_one_of_the_hub_names_it(tmp_path: Path) -> None:
    data = card_of(told(tmp_path, base="google-bert/bert-base-uncased")).data
    assert (data.base_model, data.base_model_relation) == ("google-bert/bert-base-uncased", "finetune")


def test_one_tuned_from_a_run_here_says_which_and_not_where(tmp_path: Path) -> None:
    request = TrainModelRequest(task="text_classification", model_name="/home/me/secret/letters/model").resolved()
    card = card_of(told(tmp_path, request=request))
    assert card.data.base_model is None
    assert "began from: letters/model, tuned" in card.text
    assert "secret" not in card.text


def test_an_adapter_is_opened_beside_its_base(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").touch()
    card = card_of(told(tmp_path, base="owner/base"))
    assert (card.data.library_name, card.data.base_model_relation) == ("peft", "adapter")
    assert 'from_pretrained("owner/base", num_labels=2)' in card.text
    assert 'PeftModel.from_pretrained(base, "OWNER/NAME")' in card.text


def test_data_of_the_hub_are_named_and_no_others(tmp_path: Path) -> None:
    request = TrainModelRequest(task="text_classification", dataset_path="hub:fancyzhx/ag_news@abc:small").resolved()
    data = card_of(told(tmp_path, request=request)).data
    assert data.datasets == ["fancyzhx/ag_news"]
    assert data.eval_results[0].dataset_type == "fancyzhx/ag_news"


def test_scores_stand_with_their_range_beside_rivals(tmp_path: Path) -> None:
    text = readme(told(tmp_path))
    assert "| macro F1 | 0.7500 | 0.6000 to 0.9000 | - |" in text
    assert "| accuracy | 0.8000 | - | 0.5000 |" in text


def test_limits_are_the_warnings_and_what_the_data_tell(tmp_path: Path) -> None:
    text = readme(told(tmp_path))
    for said in ("- careful", "- 3 rows repeat another", "loud (10)", "longer than 64 tokens", "of 20 rows held out"):
        assert said in text


def test_no_place_of_this_machine_and_no_time_is_in_it(tmp_path: Path) -> None:
    text = readme(told(tmp_path))
    assert "secret" not in text
    assert str(tmp_path) not in text
    assert "12.5" not in text  # seconds of the training
    other = tmp_path / "other"
    other.mkdir()
    assert readme(told(other, result=replace(told(other).result, training_time=99.0, throughput={}))) == text


@pytest.mark.parametrize("task", TASKS)
def test_its_words_ask_for_the_same_training(task: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 7, "precision": "bf16", "dataset_path": "/home/me/a b'c.csv"}
    if task == "quantile_forecasting":
        settings |= {"target_columns": ("null", "7", "a b"), "quantiles": (0.1, 0.5, 0.9)}
    if task == "text_classification":
        settings |= {"text_field": "true", "eval_dataset": "/home/me/rest.csv", "class_weights": "balanced"}
    request = TrainModelRequest(task=task, **settings).resolved()
    lines = readme(told(tmp_path, task, request=request)).splitlines()
    words = shlex.split(next(line for line in lines if line.startswith("athanor train --task")))
    options = {words[at]: words[at + 1] for at in range(2, len(words), 2) if words[at] != "--set"}
    said = parsed(tuple(words[at + 1] for at in range(2, len(words), 2) if words[at] == "--set"))
    assert options == {
        "--task": task, "--dataset": "a b'c.csv", "--model": request.model_name, "--output": "NEW"
    }  # fmt: skip
    again = TrainModelRequest(
        task=task, dataset_path=options["--dataset"], model_name=options["--model"], **said
    ).resolved()
    assert json.dumps(again.decisive()) == json.dumps(request.decisive())


def test_nothing_of_others_gets_out_of_its_place(tmp_path: Path) -> None:
    data = {"path": HOSTILE, "sha256": "", "train": {"label_counts": {HOSTILE: 5}}, "evaluation": {}}
    request = TrainModelRequest(
        task="text_classification", dataset_path=f"x/{HOSTILE.replace('/', '')}", model_name=f"./{HOSTILE}"
    ).resolved()
    report = Report(warnings=(HOSTILE,))
    card = card_of(
        told(tmp_path, request=request, report=report, warnings=(HOSTILE,), facts={HOSTILE: HOSTILE},
             card={"labels": [HOSTILE], "data": data})
    )  # fmt: skip
    assert card.data.license is None
    assert len([line for line in card.text.splitlines() if line.startswith("# ")]) == 1
    outside = "".join(card.text.split("```")[::2])
    assert "<script" not in outside
    assert "![" not in outside
    assert "\x1b" not in card.text
