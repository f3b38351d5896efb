"""What benchmarks/finetune.py measures: our side, that of transformers.Trainer with peft, and tf-idf, on equal rows."""

import gzip
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def part(data: Path, name: str, place: Path, count: int | None) -> Path:
    """Write some rows of a part of the data, the same ones for every seed; all where no count is given."""
    rows = [*rows_of(data, name)]
    chosen = rows if count is None else [rows[at] for at in random.Random(0).sample(range(len(rows)), count)]
    file = place / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")
    return file


def rows_of(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """Read a part of the data, as Parquet or as packed lines of JSON."""
    if (data / f"{name}.parquet").exists():
        import pyarrow.parquet

        yield from pyarrow.parquet.read_table(data / f"{name}.parquet").to_pylist()
        return
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def bag_of_words(settings: dict[str, Any], test: Path) -> dict[str, Any]:
    """Score the rival that every report carries, trained on all rows."""
    from application.training_request import TrainModelRequest
    from infrastructure.tasks.labels.baselines import bag_of_words_confusion, bag_of_words_scores
    from infrastructure.tasks.registry import TaskData

    request = TrainModelRequest(**{**settings, "model_name": None, "eval_dataset": str(test)}).resolved()
    split: Any = TaskData().load(request)
    confusion = bag_of_words_confusion(
        split.train_texts(), split.train_labels(), split.eval_texts(), split.eval_labels(), split.label_names, seed=0
    )
    return {"accuracy": bag_of_words_scores(confusion)["bow_accuracy"]}


def athanor(settings: dict[str, Any], test: Path) -> dict[str, Any]:
    """Train as a user would who changes no setting."""
    from application.training_request import TrainModelRequest
    from application.use_cases.evaluate_model import EvaluateModelRequest
    from infrastructure.container import Container
    from infrastructure.training.device import begin_peak, choose_device, recent_peak_bytes

    device = choose_device(settings["device"])
    begin_peak(device)
    response = Container().train_model().execute(TrainModelRequest(**settings))
    if not response.success:
        sys.exit("\n".join(response.errors))
    peak = recent_peak_bytes(device)
    run = settings["output_dir"]
    scored = Container().evaluate_model().execute(
        EvaluateModelRequest(run=run, dataset_path=str(test), device=settings["device"])
    )  # fmt: skip
    newest = max((Path(run) / "checkpoints").glob("step-*"))
    return {
        "accuracy": scored.metrics["accuracy"],
        "seconds": response.training_time,
        "steps": int(newest.name.removeprefix("step-")),
        "precision": json.loads((Path(run) / "model" / "athanor.json").read_text())["precision"],
        "peak_bytes": peak,
        "checkpoint_bytes": size_of(newest),
        "trained": elements_in(newest / "model.safetensors") / (response.num_parameters or 1),
    }


def rival(settings: dict[str, Any], test: Path, place: Path) -> dict[str, Any]:
    """Train the same with transformers.Trainer, and peft for an adapter."""
    import numpy as np
    import torch
    from sklearn.metrics import f1_score
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    from application.training_request import TrainModelRequest
    from infrastructure.models.factory import CLASSIFIER
    from infrastructure.models.pretrained import open_model, open_tokenizer
    from infrastructure.tasks.registry import TaskData
    from infrastructure.training.device import begin_peak, choose_device, recent_peak_bytes
    from infrastructure.training.precision import choose_precision

    request: Any = TrainModelRequest(**settings).resolved()
    split: Any = TaskData().load(request)
    asked: Any = TaskData().load(request.changed(eval_dataset=str(test)))
    device = choose_device(request.device)
    precision = choose_precision(request.precision, True, device)
    tokenizer = open_tokenizer(Path(request.model_name))

    def tokenized(texts: Sequence[str], labels: Sequence[int]) -> list[dict[str, Any]]:
        ids = tokenizer(list(texts), truncation=True, max_length=request.max_length)["input_ids"]
        return [{"input_ids": one, "labels": int(label)} for one, label in zip(ids, labels, strict=True)]

    is_adapted = request.adapter != "none"
    torch.manual_seed(request.seed)
    opened, _ = open_model(Path(request.model_name), CLASSIFIER, num_labels=len(split.label_names))
    model: Any = opened
    if is_adapted:
        model = with_adapter(model.to(torch.bfloat16) if precision == "bf16" else model, request)
    rows = tokenized(split.train_texts(), split.train_labels())
    steps = -(-len(rows) // request.batch_size) * request.epochs
    arguments = TrainingArguments(
        output_dir=str(place),
        num_train_epochs=request.epochs,
        per_device_train_batch_size=request.batch_size,
        per_device_eval_batch_size=4 * request.batch_size,
        learning_rate=request.learning_rate,
        weight_decay=request.weight_decay,
        max_grad_norm=request.max_grad_norm,
        warmup_steps=round(0.06 * steps),
        lr_scheduler_type=request.scheduler,
        optim="adamw_torch_fused",
        bf16=precision == "bf16",
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=request.max_checkpoints,
        load_best_model_at_end=True,
        metric_for_best_model="macro_f1",
        use_cpu=device.type == "cpu",
        seed=request.seed,
        report_to=[],
        disable_tqdm=True,
    )
    begin_peak(device)
    trainer = Trainer(
        model,
        arguments,
        DataCollatorWithPadding(tokenizer),
        rows,
        tokenized(split.eval_texts(), split.eval_labels()),
        compute_metrics=lambda told: {
            "macro_f1": f1_score(told.label_ids, np.argmax(told.predictions, -1), average="macro")
        },
    )
    started = time.perf_counter()
    trainer.train()
    seconds, peak = time.perf_counter() - started, recent_peak_bytes(device)
    asked_rows: Any = tokenized(asked.eval_texts(), asked.eval_labels())
    answers = trainer.predict(asked_rows)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    newest = max(place.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    return {
        "accuracy": float(np.mean(np.argmax(answers.predictions, -1) == answers.label_ids)),
        "seconds": seconds,
        "steps": trainer.state.global_step,
        "precision": precision,
        "peak_bytes": peak,
        "checkpoint_bytes": size_of(newest),
        "trained": trained / sum(parameter.numel() for parameter in model.parameters()),
    }


def with_adapter(model: Any, request: Any) -> Any:
    """Put the matrices of peft beside all linear layers below the head, which is trained in full; both in fp32."""
    from peft import LoraConfig, get_peft_model

    wanted = LoraConfig(
        task_type="SEQ_CLS",
        r=request.adapter_rank,
        lora_alpha=request.alpha,
        lora_dropout=request.adapter_dropout,
        target_modules="all-linear",
    )
    adapted = get_peft_model(model, wanted)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def elements_in(file: Path) -> int:
    """Count the numbers of a file of tensors, shared ones once."""
    from safetensors.torch import load_file

    return sum(tensor.numel() for tensor in load_file(file).values())


def size_of(directory: Path) -> int:
    """Give the bytes of all files of a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def unit(device: str) -> str:
    """Name what computed."""
    import torch

    from infrastructure.training.device import choose_device

    is_gpu = choose_device(device).type == "cuda"
    return torch.cuda.get_device_name() if is_gpu else torch.backends.cpu.get_cpu_capability()
