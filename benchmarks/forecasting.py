"""Windows of ETTh1 that a forecaster learns from in a second: Athanor beside neuralforecast's PatchTST.

    python benchmarks/forecasting.py --peer PYTHON [--rounds 5] [--steps 40] [--quick] [--json]

neuralforecast wants packages of its own, so PYTHON is that of another environment, with the torch of this one:

    python -m venv build/neuralforecast
    build/neuralforecast/bin/pip install torch==2.13.0 neuralforecast==3.3.0

Both read histories of 504 hours in patches of 24, forecast 96 hours by 7 quantiles, and have 4 layers of width 128 with
8 heads; ours attends over variables too. A window is that of one series: 64 anchors of all 7 series a step, AdamW. Time
is from the first step's beginning to the last one's end. Needs the shared data.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import SHARED, Figures, Row, Side, SideError, benchmark, by_turns  # noqa: E402

TABLE = SHARED / "forecasting/ETTh1.csv"
SERIES, TRAINED_HOURS, SPLIT = 7, 8640, (8640, 2880, 2880)
HISTORY, AHEAD, PATCH = 504, 96, 24
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
ANCHORS = 64
WIDTH, LAYERS, HEADS = 128, 4, 8  # of forecaster-base
QUICK_STEPS = 3
WANTED = 2.0
SIDES = ("Athanor", "neuralforecast's PatchTST")


def main() -> None:
    """Run both sides in turn in each number format."""
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say where the rival is and how long both train."""
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has neuralforecast")
    parser.add_argument("--steps", type=int, default=40)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare windows per second."""
    for precision in ("fp32", "bf16"):
        what = f"forecaster of {LAYERS} x {WIDTH}, {HISTORY} hours for {AHEAD}, {precision}"
        side = {"precision": precision, "steps": QUICK_STEPS if options.quick else options.steps}
        sides: dict[str, Side] = {SIDES[0]: {"name": SIDES[0], **side}}
        try:
            if not options.peer:
                raise SideError("give --peer PYTHON")
            sides[SIDES[1]] = {"name": SIDES[1], **side, "python": options.peer}
            yield by_turns(__file__, sides, options.rounds).row(what, "windows/s", *SIDES, options.rate, least=WANTED)
        except SideError as error:
            yield Row(what, "windows/s", beside=SIDES[1], least=WANTED, note=f"not measured: {error}")


def measure(side: Side) -> Figures:
    """Train some steps on one side."""
    from benchmarks.trainers import rates

    figures = athanor(side) if side["name"] == SIDES[0] else patchtst(side)
    return rates(figures, side["steps"] * ANCHORS * SERIES)


def athanor(side: Side) -> dict[str, float]:
    """Train a forecaster of default settings but for its shape."""
    from benchmarks.trainers import ours, prepared

    bundle, ready = prepared(
        task="quantile_forecasting",
        dataset_path=str(TABLE),
        model_name="forecaster-base",
        split=SPLIT,
        context_length=HISTORY,
        horizons=AHEAD,
        patch_length=PATCH,
        quantiles=QUANTILES,
    )
    settings = {"batch_size": ANCHORS, "max_steps": side["steps"], "num_epochs": 100}
    return ours(bundle.model, ready.train, ready.adapter, side["precision"], **settings)


def patchtst(side: Side) -> dict[str, float]:
    """Train PatchTST with neuralforecast, nothing written and nothing scored meanwhile."""
    import pandas
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import PatchTST
    from pytorch_lightning.callbacks import Callback

    from benchmarks.trainers import Clock

    class Watch(Callback):  # type: ignore[misc]  # of a package that is not there
        def on_train_batch_start(self, *given: Any) -> None:
            clock.start()

        def on_train_batch_end(self, *given: Any) -> None:
            clock.stop()

    clock = Clock()
    wide = pandas.read_csv(TABLE, parse_dates=["date"]).iloc[:TRAINED_HOURS]
    long = wide.melt("date", var_name="unique_id", value_name="y").rename(columns={"date": "ds"})
    model = PatchTST(
        h=AHEAD,
        input_size=HISTORY,
        encoder_layers=LAYERS,
        n_heads=HEADS,
        hidden_size=WIDTH,
        linear_hidden_size=2 * WIDTH,
        patch_len=PATCH,
        stride=PATCH,
        loss=MQLoss(quantiles=list(QUANTILES)),
        max_steps=side["steps"],
        windows_batch_size=ANCHORS * SERIES,
        scaler_type="identity",
        precision={"fp32": "32-true", "bf16": "bf16-mixed"}[side["precision"]],
        accelerator="cpu",
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        logger=False,
        callbacks=[Watch()],
    )
    NeuralForecast(models=[model], freq="h", local_scaler_type="standard").fit(long)
    return clock.figures()


if __name__ == "__main__":
    main()
