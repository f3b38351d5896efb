"""Whether bands can be trusted is said in words, and never without knowing how sure it is."""

import pytest

from domain.bands import judged_band


@pytest.mark.parametrize(
    ("held", "interval", "words", "is_false"),
    [
        (0.79, (0.75, 0.83), ": to be trusted", False),
        (0.65, (0.60, 0.70), ": too narrow, do not trust it", True),
        (0.95, (0.93, 0.97), ": wider than it needs to be", False),
        (0.79, (0.40, 0.99), "too few windows", False),
        (0.65, None, "too few windows", False),
        (0.72, (0.63, 0.81), ": perhaps too narrow", False),
    ],
)
def test_the_verdict_follows_the_share_and_how_sure_it_is(
    held: float, interval: tuple[float, float] | None, words: str, is_false: bool
) -> None:
    verdict = judged_band({"picp_80": held, "picp_90": 0.5}, {"picp_80": interval} if interval else {})
    assert verdict is not None
    assert words in verdict.told
    assert f"the 80% band held {held:.1%}" in verdict.told
    assert verdict.is_false == is_false


def test_without_a_band_of_80_percent_the_widest_is_judged_and_without_any_none() -> None:
    verdict = judged_band({"picp_50": 0.5, "picp_90": 0.9}, {"picp_90": (0.88, 0.92)})
    assert verdict is not None
    assert verdict.told.startswith("the 90% band")
    assert judged_band({"mae": 1.0, "picp_80": float("nan")}, {}) is None


@pytest.mark.parametrize(
    ("between", "words"), [(0.61, "to be trusted, for 61.0% lay between its ends"), (0.9, "wider")]
)
def test_a_band_of_counts_is_not_blamed_for_what_lies_at_its_ends(between: float, words: str) -> None:
    verdict = judged_band({"picp_80": 0.93, "between_80": between}, {"picp_80": (0.91, 0.95)})
    assert verdict is not None
    assert words in verdict.told
