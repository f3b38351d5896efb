import pytest

from application.training_request import TrainModelRequest
from application.use_cases.verify_resume import VerifyResumeRequest, shortened
from domain.exceptions import ConfigurationError
from domain.tracking import TRACKERS
from infrastructure.trackers.known import environment_of


@pytest.mark.parametrize(
    "typed", ["tensorboard,mlflow", "[tensorboard,mlflow]", '["tensorboard", "mlflow"]', ["tensorboard", "mlflow"]]
)
def test_trackers_are_named_as_people_type_lists(typed: object) -> None:
    assert TrainModelRequest(trackers=typed).resolved().trackers == ("tensorboard", "mlflow")


@pytest.mark.parametrize("typed", ["", "[]", [], ()])
def test_none_is_the_default_and_can_be_said(typed: object) -> None:
    assert TrainModelRequest(trackers=typed).resolved().trackers == TrainModelRequest().resolved().trackers == ()


@pytest.mark.parametrize("task", ["text_classification", "language_modeling", "quantile_forecasting"])
def test_every_kind_of_task_may_be_tracked(task: str) -> None:
    assert TrainModelRequest(task=task, trackers=TRACKERS).resolved().trackers == TRACKERS


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("tensorbord", "'tensorbord', which is no tracker. Did you mean tensorboard?"),
        ("ML-flow", "Did you mean mlflow?"),
        ("WandB", "Did you mean wandb?"),
        ("comet", "Choose of tensorboard, mlflow, wandb, trackio, or [] for none."),
        ("mlflow,mlflow", "but names one twice. Name each once."),
        ("x" * 10_000, "which is no tracker"),
        ([3.5], "trackers is 3.5, but: input should be a valid string"),
        (None, "trackers is None"),
    ],
)
def test_what_is_no_tracker_is_named_with_the_nearest(typed: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TrainModelRequest(trackers=typed).resolved()
    assert said in str(refused.value)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        TrainModelRequest(trackers="tensorbord,wanddb,wanddb", epochs=0).resolved()
    assert len(refused.value.messages) == 4


def test_the_environment_of_a_person_goes_before_what_a_tracker_is_told() -> None:
    patient = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "9"}
    assert environment_of("mlflow", {})["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
    assert environment_of("mlflow", patient)["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "9"


def test_trials_of_a_resume_are_told_to_no_tracker() -> None:
    request = VerifyResumeRequest(training=TrainModelRequest(trackers=("mlflow",)))
    assert shortened(request).trackers == ()
