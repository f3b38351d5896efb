"""What Optuna advises: which settings to try next, which trials to end, which settings matter.

A study of Optuna is made in memory of the trials as they are, asked, and dropped: so an answer follows from the seed,
the number of the trial and what came before it, whoever asks and however often the program was killed.
"""

import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from domain.search_space import Choice, Dimension, combinations_of, is_within
from domain.study import COMPLETED, FAILED, PRUNED, SHARES, Judgement, Search, Trial, first_ones, is_tried

if TYPE_CHECKING:
    import optuna

# Drawn at random before a sampler has enough to learn from. Optuna takes 10, which of 12 or 20 trials is the half.
STARTUP = 6
ATTEMPTS = 10
# A trial is judged beside so many at least, and not in the first tenth, where a warm-up is.
LEAST_COMPLETED, LEAST_BESIDE, FIRST_SHARE = 4, 3, 2
REDUCTION = 3  # of ten tenths three times: a third of the trials goes on at 1, 3 and 9
LEAST_EXPLAINED = 6


class OptunaAdvisor:
    """Asks the samplers, pruners and evaluators of Optuna."""

    def suggest(self, search: Search, trials: Sequence[Trial]) -> Mapping[str, Any] | None:
        """Give settings that no trial has had; None where all combinations have been tried."""
        there = first_ones(trials)
        for attempt in range(2 * ATTEMPTS):
            # A sampler may be so sure of settings that were tried that it names no others: chance then does.
            sampler = search.sampler if attempt < ATTEMPTS else "random"
            settings = self._drawn(search, there, attempt, sampler)
            if not is_tried(settings, there):
                return settings
        left = [settings for settings in combinations_of(search.space) if not is_tried(settings, there)]
        if left:
            return _dice(search, len(there), 2 * ATTEMPTS).choice(left)
        return None

    def judge(self, search: Search, trials: Sequence[Trial], trial: Trial) -> Judgement:
        """Judge a trial by its last score, beside others at the same share of their training."""
        if search.pruner == "none":
            return Judgement(False, trial.kept)
        others = [each for each in first_ones(trials) if each.number != trial.number]
        with _quiet() as optuna:
            study = optuna.create_study(
                study_name=search.name, direction=_direction(search), pruner=_pruner(search.pruner)
            )
            for each in sorted([*others, trial], key=lambda each: each.number):
                study.add_trial(_frozen(each, {}))
            place = sum(each.number < trial.number for each in others)
            # Uncopied: copies of all trials took half of the time, and a pruner changes none of those it is given.
            is_hopeless = bool(study.pruner.prune(study, study.get_trials(deepcopy=False)[place]))
            kept = study.get_trials(deepcopy=False)[place].system_attrs
        return Judgement(is_hopeless, {name: float(value) for name, value in kept.items()})

    def importance(self, search: Search, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Give the share of each setting in the differences between scores; empty for too few trials."""
        known = [
            each for each in first_ones(trials) if each.state == COMPLETED and is_within(each.settings, search.space)
        ]
        if len(known) < LEAST_EXPLAINED or len({each.value for each in known}) < 2:
            return {}
        with _quiet() as optuna:
            study = optuna.create_study(direction=_direction(search))
            for each in known:
                study.add_trial(_frozen(each, search.space))
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=search.seed)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        return {name: float(share) for name, share in found.items()}

    def _drawn(self, search: Search, trials: Sequence[Trial], attempt: int, sampler: str) -> dict[str, Any]:
        """Draw once; trials outside the space, as the defaults may be, teach nothing of it."""
        with _quiet() as optuna:
            seed = _dice(search, len(trials), attempt).getrandbits(31)
            study = optuna.create_study(direction=_direction(search), sampler=_sampler(sampler, seed))
            for each in trials:
                if is_within(each.settings, search.space):
                    study.add_trial(_frozen(each, search.space))
            drawn = study.ask({name: _distribution(dimension) for name, dimension in search.space.items()}).params
        return {
            name: drawn[name] if isinstance(dimension, Choice) else dimension.rounded(drawn[name])
            for name, dimension in search.space.items()
        }


@contextmanager
def _quiet() -> Iterator[Any]:
    """Load Optuna, and let it say nothing: what it tells of its own studies is not what a person has asked for."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield optuna


def _dice(search: Search, number: int, attempt: int) -> random.Random:
    return random.Random(f"{search.seed}/{number}/{attempt}")


def _direction(search: Search) -> str:
    return "maximize" if search.direction == "max" else "minimize"


def _sampler(name: str, seed: int) -> "optuna.samplers.BaseSampler":
    import optuna

    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP, deterministic_objective=False)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True)


def _pruner(name: str) -> "optuna.pruners.BasePruner":
    import optuna

    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=SHARES, reduction_factor=REDUCTION)
    return optuna.pruners.MedianPruner(LEAST_COMPLETED, FIRST_SHARE, n_min_trials=LEAST_BESIDE)


def _distribution(dimension: Dimension) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.values)
    if dimension.is_whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _frozen(trial: Trial, space: Mapping[str, Dimension]) -> "optuna.trial.FrozenTrial":
    """Say a trial as Optuna knows it."""
    from optuna.trial import TrialState, create_trial

    states = {COMPLETED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL}
    return create_trial(
        state=states.get(trial.state, TrialState.RUNNING),
        value=trial.value if trial.state == COMPLETED else None,
        params={name: trial.settings[name] for name in space},
        distributions={name: _distribution(dimension) for name, dimension in space.items()},
        intermediate_values=trial.at_shares(),
        system_attrs=dict(trial.kept),
    )
