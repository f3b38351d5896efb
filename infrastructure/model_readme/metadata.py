"""What the hub reads of a model: the YAML before its readme."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from domain.headlines import headlines_of, label_of
from domain.hub_names import HubData, names_hub
from domain.showing import harmless
from infrastructure.model_readme.told import ATHANOR, PEFT, ModelTold

# By the kinds of tasks, in the words of the hub.
_WRITES = "text-generation"
_FORECASTS = "time-series-forecasting"
TASKS_OF_HUB: Mapping[str, str] = {
    "sequence_classification": "text-classification",
    "language_modeling": _WRITES,
    "masked_language_modeling": "fill-mask",
    "code_generation": _WRITES,
    "instruction_tuning": _WRITES,
    "sequence_to_sequence": "text2text-generation",
    "quantile_forecasting": _FORECASTS,
    "market_direction": _FORECASTS,
}
# The hub has no page of models for it any more, and would find fault with the name.
_WITHOUT_PIPELINE = ("text2text-generation",)
_METRICS_OF_HUB = {"macro_f1": "f1", "token_accuracy": "accuracy"}
LOCAL_FILE = "file"


def metadata(told: ModelTold) -> str:
    """Give the front matter, from `---` to `---`. Scores are those of the report that are finite numbers."""
    from huggingface_hub import ModelCardData

    task = TASKS_OF_HUB.get(told.task.kind)
    relation = "adapter" if told.library == PEFT else "finetune"
    scores = list(_scores(told, task or told.task.name))
    data = ModelCardData(
        library_name=told.library,
        pipeline_tag=None if task in _WITHOUT_PIPELINE else task,
        tags=[ATHANOR, told.task.name, *([task] if task in _WITHOUT_PIPELINE else [])],
        base_model=told.base or None,
        datasets=_data_of_hub(told) or None,
        metrics=list(dict.fromkeys(score.metric_type for score in scores)) or None,
        model_name=harmless(f"{told.began_from}-{told.task.name}") if scores else None,
        eval_results=scores or None,
        base_model_relation=relation if told.base else None,
    )
    return f"---\n{data.to_yaml(line_break=chr(10))}\n---\n"


def _scores(told: ModelTold, task: str) -> Iterator[Any]:
    from huggingface_hub import EvalResult

    metrics = told.scores.metrics
    of_hub = _data_of_hub(told)
    for name in headlines_of(metrics):
        value = metrics[name]
        if isinstance(value, int | float) and isfinite(value):
            yield EvalResult(
                task_type=task,
                task_name=told.task.name,
                dataset_type=of_hub[0] if of_hub else LOCAL_FILE,
                dataset_name=harmless(told.data_name),
                dataset_split="test" if told.is_tested else "validation",
                metric_type=_METRICS_OF_HUB.get(name, name),
                metric_name=label_of(name, told.request.words),
                metric_value=value,
            )


def _data_of_hub(told: ModelTold) -> list[str]:
    return [HubData.of(told.data_name).name] if names_hub(told.data_name) else []
