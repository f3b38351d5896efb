"""A run leaves a readme beside its model whose lines open it, and no readme gets between a model and its use."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from application.training_request import TrainModelRequest
from application.use_cases.evaluate_model import EvaluateModelRequest
from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import TrainingError
from domain.run_layout import CARD, README
from infrastructure import report_writer
from infrastructure.container import Container
from infrastructure.model_files.card import read_card
from tests.support import adapted, tiny, tiny_series, tiny_text

TEXTS = ("text_classification", tiny_text.MASKED, *tiny_text.TEXT_TASKS)


def asked(task: str, directory: Path) -> TrainModelRequest:
    output, steps = str(directory / "run"), {"max_steps": 2, "eval_steps": 2, "quick": True}
    if task in tiny_series.SERIES_TASKS:
        return tiny_series.request(task, directory, output_dir=output, **steps)
    if task != "text_classification":
        return tiny_text.request(task, directory, output_dir=output, **steps)
    return tiny.request(directory, "run").changed(**steps)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainModelResponse]:
    @cache
    def run(task: str) -> TrainModelResponse:
        response = Container().train_model().execute(asked(task, tmp_path_factory.mktemp(task)))
        assert response.success, response.errors
        return response

    return run


def model_of(response: TrainModelResponse) -> Path:
    return Path(str(response.model_path))


def code_of(model: Path, **places: str) -> str:
    """Give the Python lines of a readme, with places in the stead of the names that stand for them."""
    (code,) = [part for part in (model / README).read_text().split("```") if part.startswith("python\n")]
    for name, place in ({"OWNER/NAME": str(model)} | places).items():
        code = code.replace(f'"{name}"', repr(place))
    return code.removeprefix("python\n").replace("max_new_tokens=192", "max_new_tokens=4")


@pytest.mark.parametrize("task", TEXTS)
def test_the_lines_of_a_readme_run_where_transformers_is(
    task: str, trained: Callable[[str], TrainModelResponse], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(code_of(model_of(trained(task))), {})
    said = capsys.readouterr().out
    assert said.endswith("\n")
    if task == "text_classification":
        assert said.strip() in [f"['{label}']" for label in tiny.LABELS]


def test_those_of_an_adapter_open_it_beside_its_base(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = adapted.base_of("bert", tmp_path / "base")
    request = adapted.asked(base, "bert", tmp_path, merge_adapter=False, max_steps=2, quick=True)
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    exec(code_of(model_of(response), BASE=str(base)), {})
    assert capsys.readouterr().out.strip() in ("[0]", "[1]")
    text = (model_of(response) / README).read_text()
    assert "library_name: peft" in text
    assert "base_model:" not in text  # a directory of this machine is nothing to others


@pytest.mark.parametrize("task", ["text_classification", *tiny_series.SERIES_TASKS])
def test_it_has_the_scores_of_the_summary(task: str, trained: Callable[[str], TrainModelResponse]) -> None:
    response = trained(task)
    metrics = response.test_metrics or response.final_metrics
    results = ModelCard.load(model_of(response) / README).data.eval_results
    assert results
    for result in results:
        name = {"f1": "macro_f1"}.get(result.metric_type, result.metric_type)
        assert result.metric_value == pytest.approx(metrics[name], rel=1e-12)
        assert result.dataset_split == ("test" if response.test_metrics else "validation")


def test_it_says_that_a_quick_run_proves_nothing(trained: Callable[[str], TrainModelResponse]) -> None:
    response = trained("text_classification")
    assert "a quick run proves" in (model_of(response) / README).read_text()


def test_a_person_may_write_on_in_it(trained: Callable[[str], TrainModelResponse]) -> None:
    response = trained("text_classification")
    model = model_of(response)
    assert README not in read_card(model)["files"]
    with (model / README).open("a") as file:
        file.write("\nWritten by hand.\n")
    rows = str(tiny.file_of_rows(model.parent.parent / "more.json"))
    Container().evaluate_model().execute(EvaluateModelRequest(run=str(model), dataset_path=rows, device="cpu"))
    assert (model / CARD).exists()


def test_a_disk_that_refuses_it_fails_the_report_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(told: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_writer, "write_readme", full)
    response = Container().train_model().execute(asked("text_classification", tmp_path))
    assert not response.success
    assert "No space left on device. Make room and resume the run" in response.errors[0]
    monkeypatch.undo()
    assert Container().resume_training().execute(str(tmp_path / "run")).success
    assert (tmp_path / "run" / "model" / README).exists()
    assert TrainingError.exit_code == response.exit_code
