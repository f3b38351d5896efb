"""Real tokens per second on AG News: Athanor beside transformers.Trainer with its best flags.

    python benchmarks/throughput.py [--rounds 5] [--json]

Same model, rows, batch size, precision and optimizer; each side in its own process, in turn, one epoch a round. The
clock runs from the first step's beginning to the last step's end. Needs the `bench` extra and the shared data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TRAIN = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/classification/ag_news/train.jsonl.gz"
BATCH_SIZE = 32
PRECISION = "bf16"
SIDES = ("athanor", "transformers")


def main() -> None:
    """Run both sides in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-rows", type=int, default=0, help="use fewer rows for a first look")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps({"athanor": run_athanor, "transformers": run_transformers}[options.side](options.max_rows)))
        return
    rounds = [{side: _in_own_process(side, options.max_rows) for side in SIDES} for _ in range(options.rounds)]
    ratios = [one["athanor"]["tokens_per_second"] / one["transformers"]["tokens_per_second"] for one in rounds]
    result = {
        "tokens_per_second": {
            side: statistics.median(one[side]["tokens_per_second"] for one in rounds) for side in SIDES
        },
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "rounds": options.rounds,
        "batch_size": BATCH_SIZE,
        "precision": PRECISION,
        "cores": os.cpu_count(),
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def run_athanor(max_rows: int) -> dict[str, float]:
    """Train one epoch with AdvancedTrainer."""
    from domain.events import RunStarted, StepCompleted
    from infrastructure.tasks.labels.adapter import SequenceClassification
    from infrastructure.training import AdvancedTrainer

    class Clock:
        def notify(self, event: Any) -> None:
            if isinstance(event, RunStarted):
                self.started = time.perf_counter()
            if isinstance(event, StepCompleted):
                self.ended = time.perf_counter()

        def stop_requested(self) -> str:
            return ""

    model, dataset, _ = model_and_rows(max_rows)
    clock = Clock()
    with tempfile.TemporaryDirectory() as directory:
        AdvancedTrainer(
            model,
            dataset,
            output_dir=directory,
            task=SequenceClassification(dataset.label_names, pad_token_id=dataset.pad_token_id),
            num_epochs=1,
            batch_size=BATCH_SIZE,
            learning_rate=1e-3,
            precision=PRECISION,
            device="cpu",
            monitor=clock,
        ).train()
    return _rate(dataset, clock.ended - clock.started)


def run_transformers(max_rows: int) -> dict[str, float]:
    """Train one epoch with transformers.Trainer: bf16, length grouping, fused AdamW, nothing saved or logged inside."""
    from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

    class Clock(TrainerCallback):
        started = ended = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.started = self.started or time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.ended = time.perf_counter()

    model, dataset, tokenizer = model_and_rows(max_rows)
    clock = Clock()
    with tempfile.TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            output_dir=directory,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=1e-3,
            bf16=PRECISION == "bf16",
            train_sampling_strategy="group_by_length",
            optim="adamw_torch_fused",
            warmup_steps=0.06,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="steps",
            logging_steps=50,
            report_to=[],
            disable_tqdm=True,
        )
        rows = [dataset[index] for index in range(len(dataset))]  # in memory, so that reading costs it nothing
        trainer = Trainer(model, arguments, DataCollatorWithPadding(tokenizer), rows, callbacks=[clock])
        trainer.train()
    return _rate(dataset, clock.ended - clock.started)


def model_and_rows(max_rows: int) -> tuple[Any, Any, Any]:
    """Give encoder-mini, the tokenised training rows and their tokenizer, the same ones each time."""
    import dataclasses

    import torch

    from application.training_request import TrainModelRequest
    from infrastructure.models.factory import CLASSIFIER
    from infrastructure.models.presets import ENCODERS, encoder_config
    from infrastructure.models.pretrained import new_model
    from infrastructure.models.tokenizer import train_tokenizer
    from infrastructure.tasks.registry import TaskData

    request = TrainModelRequest(task="text_classification", dataset_path=str(TRAIN)).resolved()
    split: Any = TaskData().load(request)
    tokenizer = train_tokenizer(split.train_texts(), 30_000, lowercase=True, seed=42)
    dataset, _ = split.tokenized(tokenizer, 512)
    if max_rows:
        dataset = dataclasses.replace(dataset, indices=dataset.indices[:max_rows])
    torch.manual_seed(42)
    config = encoder_config(ENCODERS["encoder-mini"], tokenizer, split.label_names, 512)
    return new_model(CLASSIFIER, config), dataset, tokenizer


def _rate(dataset: Any, seconds: float) -> dict[str, float]:
    return {"tokens_per_second": float(dataset.lengths.sum()) / seconds, "seconds": seconds}


def _in_own_process(side: str, max_rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, "--max-rows", str(max_rows)]
    # What Athanor sets for itself (infrastructure/__init__.py), given to both sides.
    environment = {**os.environ, "GOMP_SPINCOUNT": "1000"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
