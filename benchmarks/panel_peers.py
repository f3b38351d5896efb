"""The rivals of benchmarks/panel.py, each in a process of its own, without anything of Athanor.

    python benchmarks/panel_peers.py NAME [--part test] --output FORECASTS.npy

Needs numpy; `autoets` needs statsforecast, `nhits` and `patchtst` need neuralforecast. Writes quantiles
[O, S, H, Q] in pieces, NaN for series that are too short at an origin.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.panel_table import (
    HORIZON,
    KNOWN,
    LEAST_PAST,
    PART,
    QUANTILES,
    WEEK,
    Shops,
    origins,
    read_shops,
    without_holes,
)

LEVELS = (50, 80, 90)  # of the bands whose ends are QUANTILES
# Chosen on the validation part; what else was tried stands in RESULTS.md.
NHITS = {
    "input_size": 56,
    "max_steps": 1000,
    "windows_batch_size": 128,
    "learning_rate": 1e-3,
    "scaler_type": "identity",
    "mlp_units": [[128, 128]] * 3,
}
PATCHTST = {
    "input_size": 112,
    "max_steps": 300,
    "windows_batch_size": 128,
    "learning_rate": 1e-3,
    "patch_len": 14,
    "stride": 7,
}


def main() -> None:
    """Forecast by one of the rivals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    shops = read_shops()
    np.save(options.output, PEERS[options.name](shops, origins(len(shops.days), options.part)))


def repeat_last(shops: Shops, seen: list[int]) -> np.ndarray:
    """Give the last value, and around it how far such forecasts have lain away before."""
    return _around(shops, seen, lambda step: step)


def seasonal_naive(shops: Shops, seen: list[int]) -> np.ndarray:
    """Give the value of the same weekday of the last week, and around it how far such forecasts have lain away."""
    return _around(shops, seen, lambda step: -(-step // WEEK) * WEEK)


def _around(shops: Shops, seen: list[int], lag_of: Any) -> np.ndarray:
    forecast = _nothing(shops, seen)
    for place, number, past in _pasts(without_holes(shops), seen):
        for step in range(1, HORIZON + 1):
            lag = lag_of(step)
            changes = past[lag:] - past[:-lag] if lag < len(past) else np.zeros(1)
            spread = np.quantile(changes, QUANTILES)
            forecast[place, number, step - 1] = past[step - 1 - lag] + spread - spread[QUANTILES.index(0.5)]
    return forecast


def autoets(shops: Shops, seen: list[int]) -> np.ndarray:
    """Fit AutoETS with a season of a week anew at each origin, to each series."""
    from statsforecast.models import AutoETS

    forecast = _nothing(shops, seen)
    for place, number, past in _pasts(without_holes(shops), seen):
        answer = AutoETS(season_length=WEEK).forecast(past, HORIZON, level=list(LEVELS))
        ends = [answer[f"lo-{level}"] for level in reversed(LEVELS)], [answer[f"hi-{level}"] for level in LEVELS]
        forecast[place, number] = np.stack([*ends[0], answer["mean"], *ends[1]], axis=-1)
    return forecast


def nhits(shops: Shops, seen: list[int]) -> np.ndarray:
    """Train one NHITS over all series, told what is known ahead, the calendar, and what a series is."""
    from neuralforecast.models import NHITS as Model

    frame, static = _frames(shops)
    told = [name for name in frame.columns if name not in ("unique_id", "ds", "y")]
    settings = {"futr_exog_list": told, "stat_exog_list": [name for name in static.columns if name != "unique_id"]}
    return _neural(Model, {**NHITS, **settings}, frame, static, shops, seen)


def patchtst(shops: Shops, seen: list[int]) -> np.ndarray:
    """Train one PatchTST over all series, which takes no covariates, and so sees neither holes nor odd closed days."""
    from neuralforecast.models import PatchTST as Model

    frame, _ = _frames(shops)
    frame = frame[["unique_id", "ds", "y"]]
    filled = without_holes(shops)
    frame["y"] = np.concatenate([series[np.isfinite(series)] for series in filled])
    return _neural(Model, PATCHTST, frame, None, shops, seen)


def _neural(model: Any, settings: Any, frame: Any, static: Any, shops: Shops, seen: list[int]) -> np.ndarray:
    """Train on what lies before the validation part, and forecast from each origin."""
    import logging

    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    quiet = {"enable_progress_bar": False, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    loss = MQLoss(quantiles=list(QUANTILES))
    net = model(h=HORIZON, loss=loss, random_seed=1, start_padding_enabled=True, **settings, **quiet)
    runner = NeuralForecast(models=[net], freq="D", local_scaler_type="standard")
    trained = shops.days[len(shops.days) - 2 * PART - 1]
    runner.fit(frame[frame.ds <= trained], static_df=static)
    forecast = _nothing(shops, seen)
    numbers = {" / ".join(series): number for number, series in enumerate(shops.ids)}
    lived = np.cumsum(np.isfinite(shops.sales), axis=1)
    for place, origin in enumerate(seen):
        ends = shops.days[origin], shops.days[origin + HORIZON]
        ready = [
            name
            for name, number in numbers.items()
            if lived[number, origin] >= LEAST_PAST and np.isfinite(shops.sales[number, origin + 1 :]).any()
        ]
        chosen = frame[frame.unique_id.isin(ready) & (frame.ds <= ends[1])]
        kept = None if static is None else static[static.unique_id.isin(ready)]
        answer = runner.predict(
            df=chosen[chosen.ds <= ends[0]], static_df=kept, futr_df=chosen[chosen.ds > ends[0]].drop(columns="y")
        )
        columns = [name for name in answer.columns if name not in ("unique_id", "ds")]
        for name, rows in answer.groupby("unique_id"):
            forecast[place, numbers[name]] = np.sort(rows.sort_values("ds")[columns].to_numpy(), axis=-1)
    return forecast


def _frames(shops: Shops) -> tuple[Any, Any]:
    """Give the long table without holes, with what is known of each day, and the table of what a series is."""
    import pandas

    angle = 2.0 * np.pi * (shops.days - shops.days[0]).astype(int) / 365.25
    weekdays = (shops.days.astype("datetime64[D]").astype(int) + 3) % 7  # 1970 began on a Thursday
    calendar = {"year_sin": np.sin(angle), "year_cos": np.cos(angle)}
    calendar |= {f"weekday_{number}": (weekdays == number).astype(float) for number in range(1, 7)}
    filled = without_holes(shops)
    frames = []
    for number, series in enumerate(shops.ids):
        there = np.isfinite(filled[number])
        known = pandas.DataFrame(shops.known[number][there], columns=list(KNOWN)).ffill()
        sales = np.where(np.isfinite(shops.sales[number]), shops.sales[number], filled[number])[there]
        columns = {"unique_id": " / ".join(series), "ds": shops.days[there], "y": sales}
        frames.append(
            pandas.DataFrame(columns | {name: values[there] for name, values in calendar.items()}).join(known)
        )
    static = pandas.DataFrame(shops.static, columns=["region", "size", "category"])
    static["size"] = np.log(static["size"].astype(float))
    static["product"] = [series[1] for series in shops.ids]
    static = pandas.get_dummies(static, columns=["region", "category", "product"], dtype=float)
    static.insert(0, "unique_id", [" / ".join(series) for series in shops.ids])
    return pandas.concat(frames, ignore_index=True), static


def _pasts(filled: np.ndarray, seen: list[int]) -> Any:
    """Give place, series and past [n] of each forecast that is asked, from where the series begins."""
    for place, origin in enumerate(seen):
        for number, series in enumerate(filled):
            past = series[: origin + 1]
            past = past[np.isfinite(past)]
            if len(past) >= LEAST_PAST:
                yield place, number, past


def _nothing(shops: Shops, seen: list[int]) -> np.ndarray:
    return np.full((len(seen), len(shops.ids), HORIZON, len(QUANTILES)), np.nan)


PEERS = {
    "repeat_last": repeat_last,
    "seasonal_naive": seasonal_naive,
    "autoets": autoets,
    "nhits": nhits,
    "patchtst": patchtst,
}

if __name__ == "__main__":
    main()
