"""What a scan knows of a model without opening it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from infrastructure.scan.model import ScanModel

LABELS = ["safe", "low", "high"]


def model(place: Path, weights: bytes = b"w", expected_share: float = 0.5, **card: Any) -> ScanModel:
    (place / "model").mkdir(parents=True, exist_ok=True)
    (place / "model" / "athanor.json").write_text(json.dumps({"labels": LABELS, **card}))
    (place / "model" / "model.safetensors").write_bytes(weights)
    return ScanModel.of(str(place), "cpu", expected_share)


def test_its_digest_changes_with_every_byte_and_with_the_scanner_that_it_reads(tmp_path: Path) -> None:
    first = model(tmp_path).digest
    assert model(tmp_path).digest == first
    others = {model(tmp_path, b"x").digest, model(tmp_path, epochs=2).digest, model(tmp_path, findings="bandit").digest}
    assert len(others | {first}) == 4
    assert " bandit " in model(tmp_path, findings="bandit").digest
    assert "bandit" not in model(tmp_path, findings="none").digest


def test_a_temperature_flattens_scores_and_keeps_their_sum_and_order(tmp_path: Path) -> None:
    scores = {"safe": 0.1, "low": 0.2, "high": 0.7}
    told = {"temperature": 2.0, "ece_before": 0.2, "ece_after": 0.1, "rows": 90}
    flat = model(tmp_path, calibration=told).calibrated(scores)
    assert sum(flat.values()) == pytest.approx(1)
    assert flat["high"] / flat["low"] == pytest.approx((0.7 / 0.2) ** 0.5)
    assert flat["low"] / flat["safe"] == pytest.approx(2**0.5)
    plain = model(tmp_path)
    assert plain.calibrated(scores) == pytest.approx(scores)
    assert plain.score(scores) == pytest.approx(0.9)


@pytest.mark.parametrize(("weak_share", "expected"), [(0.5, 0.9 / (0.9 + 0.1 * 97 / 3)), (0.03, 0.9), (0.01, 0.96498)])
def test_scores_hold_where_fewer_are_weak_than_in_validation(
    tmp_path: Path, weak_share: float, expected: float
) -> None:
    told = {"temperature": 1.0, "ece_before": 0.2, "ece_after": 0.1, "rows": 90, "weak_share": weak_share}
    found = model(tmp_path, expected_share=0.03, calibration=told).calibrated({"safe": 0.1, "low": 0.3, "high": 0.6})
    assert 1 - found["safe"] == pytest.approx(expected, abs=1e-4)
    assert found["high"] / found["low"] == pytest.approx(2)


def test_a_shift_moves_the_odds_of_a_weakness_alone(tmp_path: Path) -> None:
    scores = {"safe": 0.1, "low": 0.2, "high": 0.7}
    told = {"temperature": 1.0, "weak_share": 0.5, "ece_before": 0.2, "ece_after": 0.1, "rows": 90}
    plain = ScanModel.calibrated(model(tmp_path, calibration=told), scores)
    moved = model(tmp_path, calibration={**told, "shift": math.log(3)}).calibrated(scores)
    assert moved["safe"] / moved["high"] == pytest.approx(3 * plain["safe"] / plain["high"])
    assert moved["low"] / moved["high"] == pytest.approx(2 / 7)


def test_a_score_of_nothing_is_no_infinity(tmp_path: Path) -> None:
    found = model(tmp_path).calibrated({"safe": 0.0, "low": 0.0, "high": 1.0})
    assert found["high"] == pytest.approx(1)
    assert 0 < found["safe"] < 1e-9
