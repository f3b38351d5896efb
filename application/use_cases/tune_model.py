"""Find good settings: train under some of them, learn from that which to try, and train the best over several seeds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from application.ports import RunArchive, RunRemover
from application.search_spaces import space_of
from application.training import CANNOT_MATTER
from application.tune_ports import SearchAdvisor, StudyFiles, StudyLedger, StudyLedgers, StudyWorkers
from application.tuning_request import TuneModelRequest
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.study_work import GOES_ON, StudyWork, Unwatched, Watcher, request_for, seeds_of
from application.use_cases.train_model import EXIT_CODE_OF_STOP, TrainModelResponse, TrainModelUseCase
from application.use_cases.trial_training import DiskRefusedError, StoppedError, TrialTraining
from domain.exceptions import AthanorError, ConfigurationError
from domain.rules import one_of
from domain.runs import FINISHED, RUNNING
from domain.showing import json_text
from domain.study import (
    MAX_SEEDS,
    MAX_TRIALS,
    MAX_WORKERS,
    PRUNERS,
    SAMPLERS,
    Search,
    Study,
    Trial,
    beside_defaults,
    candidates_of,
    first_ones,
)

__all__ = ["TuneModelRequest", "TuneModelUseCase", "Watcher"]

ROOT, BEST = "runs", "best"
MOST_REASONS = 5


class TuneModelUseCase:
    """Searches settings by trials, each a run of its own; several workers share them through a ledger."""

    def __init__(
        self,
        ledgers: StudyLedgers,
        advisor: SearchAdvisor,
        files: StudyFiles,
        workers: StudyWorkers,
        train_trial: TrainModelUseCase,
        resume_trial: ResumeTrainingUseCase,
        train_model: TrainModelUseCase,
        resume_training: ResumeTrainingUseCase,
        archive: RunArchive,
        remover: RunRemover,
    ) -> None:
        self._ledgers = ledgers
        self._advisor = advisor
        self._files = files
        self._workers = workers
        self._train_trial = train_trial
        self._resume_trial = resume_trial
        self._train_model = train_model
        self._resume_training = resume_training
        self._archive = archive
        self._remover = remover

    def execute(self, request: TuneModelRequest, watcher: Watcher | None = None) -> Study:
        """Tune as asked, going on with a study of the same place that was stopped or wants more trials.

        A study that fails or is stopped gives `errors`. Raises: ConfigurationError, RunError for what cannot be begun.
        """
        watcher = watcher or Unwatched()
        search, notes = _search_of(request)
        output = _place_of(request)
        plan = _plan(request, search)
        self._files.require_place(output)
        self._files.begin(output, plan)
        begun = Study(
            search.name,
            request.training.task,
            search.metric,
            output,
            space={name: dimension.told for name, dimension in search.space.items()},
            notes=notes,
        )
        try:
            with _Opened(self._ledgers, request, search, plan, output) as ledger:
                watcher.begun(search, notes)
                work = self._work_on(request, search, output, ledger, watcher)
                if request.workers > 1:
                    self._let_work(request, output, work, watcher)
                work.until_done()
                return self._finished(replace(begun, warnings=work.shortfall()), request, search, ledger, watcher)
        except StoppedError as stop:
            code = EXIT_CODE_OF_STOP.get(stop.reason, 1)
            return replace(begun, errors=(f"stopped ({stop.reason}) after saving; {GOES_ON}",), exit_code=code)
        except DiskRefusedError as refused:
            return replace(begun, errors=(f"{refused} Make room, then {GOES_ON}",), exit_code=refused.exit_code)
        except (AthanorError, OSError):
            self._files.withdraw(output)
            raise

    def work(self, request: TuneModelRequest, output: str, watcher: Watcher) -> None:
        """Be one of the workers of a study that another process has begun: train as long as there is something to.

        Raises: AthanorError for what ends the work; the process that began the study comes upon it too.
        """
        search, _ = _search_of(request)
        with _Opened(self._ledgers, request, search, _plan(request, search), output) as ledger:
            self._work_on(request, search, output, ledger, watcher).until_done()

    def _work_on(
        self, request: TuneModelRequest, search: Search, output: str, ledger: StudyLedger, watcher: Watcher
    ) -> StudyWork:
        training = TrialTraining(
            self._train_trial, self._resume_trial, self._archive, self._advisor, ledger, search, output
        )
        return StudyWork(request, search, output, ledger, self._advisor, training, watcher)

    def _let_work(self, request: TuneModelRequest, output: str, work: StudyWork, watcher: Watcher) -> None:
        """Let other processes train, and tell of what they do."""
        self._workers.start(request, output)
        try:
            with watcher.training(f"{request.workers} workers train"):
                while self._workers.are_at_work():
                    work.look()
        finally:
            self._workers.stop()

    def _finished(
        self, begun: Study, request: TuneModelRequest, search: Search, ledger: StudyLedger, watcher: Watcher
    ) -> Study:
        """Choose by the means over seeds, train the chosen as any run, and write what came of it."""
        trials = ledger.trials()
        firsts = first_ones(trials)
        again = tuple(sorted((each for each in trials if each.seed is not None), key=lambda each: each.name))
        study = replace(begun, trials=tuple(firsts), repeats=again)
        candidates = candidates_of(trials, search.metric, seeds_of(request))
        if not candidates:
            reasons = tuple(dict.fromkeys(f"trial {each.number}: {each.reason}" for each in firsts if each.reason))
            return replace(study, errors=("no trial was completed.", *reasons[:MOST_REASONS]), exit_code=1)
        difference, verdict = beside_defaults(candidates, search.metric)
        chosen = next(each for each in firsts if each.number == candidates[0].number)
        path = str(Path(begun.output_dir) / BEST)
        self._await_others(path, ledger, watcher)
        response, run_file = self._best_run(request, chosen, path, begun.output_dir, watcher)
        if _status_in(self._archive, path) == RUNNING:  # another worker was faster by a moment
            self._await_others(path, ledger, watcher)
            response, run_file = self._best_run(request, chosen, path, begun.output_dir, watcher)
        if not response.success:
            stopped = response.stop_reason in EXIT_CODE_OF_STOP
            told = (f"stopped ({response.stop_reason}) after saving; {GOES_ON}",) if stopped else response.errors
            return replace(study, errors=told, exit_code=response.exit_code)
        return self._files.finish(
            replace(
                study,
                candidates=tuple(candidates),
                chosen=chosen.number,
                difference=difference,
                verdict=verdict,
                importance=self._advisor.importance(search, firsts),
                run_dir=response.run_dir,
                run_file=run_file,
                test_metrics=response.test_metrics,
                warnings=(*begun.warnings, *response.warnings),
            )
        )

    def _await_others(self, path: str, ledger: StudyLedger, watcher: Watcher) -> None:
        """Wait as long as another process trains the best run: machines that share a directory get there together."""
        if _status_in(self._archive, path) == RUNNING:
            with watcher.training("waiting for another worker, which trains the best settings"):
                while _status_in(self._archive, path) == RUNNING:
                    ledger.wait()

    def _best_run(
        self, request: TuneModelRequest, chosen: Trial, path: str, output: str, watcher: Watcher
    ) -> tuple[TrainModelResponse, str]:
        """Train under the chosen settings with the report that any run has; one of other settings gives way."""
        wanted = request_for(request.training, chosen)
        kept = self._files.run_file(output)
        there = _status_in(self._archive, path)
        if there is not None and (kept is None or kept.model_dump() != wanted.model_dump()):
            self._remover.delete(path)
            there = None
        run_file = self._files.keep_run_file(output, wanted)
        if there == FINISHED:
            return TrainModelResponse.model_validate(dict(self._archive.summary(path))), run_file
        with watcher.training("training the best settings once more, with a report") as monitor:
            if there is not None:
                return self._resume_training.execute(path, monitor), run_file
            return self._train_model.execute(wanted.changed(output_dir=path), monitor), run_file


class _Opened:
    """A ledger that is closed whatever happens."""

    def __init__(
        self, ledgers: StudyLedgers, request: TuneModelRequest, search: Search, plan: Mapping[str, Any], output: str
    ) -> None:
        self._ledger = ledgers.open(request.storage, search.name, plan, output)

    def __enter__(self) -> StudyLedger:
        return self._ledger

    def __exit__(self, *error: object) -> None:
        self._ledger.close()


def _status_in(archive: RunArchive, path: str) -> str | None:
    parent = str(Path(path).parent)
    return next((facts.status for facts in archive.runs(parent) if Path(facts.run_dir).name == Path(path).name), None)


def _search_of(request: TuneModelRequest) -> tuple[Search, tuple[str, ...]]:
    """Find fault with what is asked for, and decide how it is searched. Raises: ConfigurationError."""
    faults = [
        f"{name} is {value:g}, but must lie between {low} and {high:,}. Choose another value."
        for name, value, low, high in (
            ("trials", request.trials, 1, MAX_TRIALS),
            ("workers", request.workers, 1, MAX_WORKERS),
            ("seeds", request.seeds, 1, MAX_SEEDS),
        )
        if not low <= value <= high
    ]
    if request.timeout is not None and not request.timeout > 0:
        faults.append(f"timeout is {request.timeout:g} seconds, but must lie above 0. Leave it out for none.")
    faults += one_of("sampler", request.sampler, SAMPLERS)
    faults += one_of("pruner", request.pruner, PRUNERS)
    faults += _faults_of_name(request)
    if faults:
        raise ConfigurationError.of(faults)
    training = request.training.resolved()
    space, notes = space_of(request.training, request.space)
    name = request.study or Path(_place_of(request)).name
    return Search(name, space, training.metric_name, request.sampler, request.pruner, training.seed), notes


def _faults_of_name(request: TuneModelRequest) -> Iterator[str]:
    study = request.study
    if study is None:
        return
    if not study.strip():
        yield "study is empty. Give a name, or leave it out."
    elif not study.isprintable():
        yield f"study is {study!r}, but must be a name that can be printed."
    elif request.output_dir is None and (study in (".", "..") or Path(study).name != study):
        yield f"study is {study!r}, but names a directory in {ROOT}/: give a plain name, or --output too."


def _place_of(request: TuneModelRequest) -> str:
    return request.output_dir or str(Path(ROOT) / (request.study or f"{request.training.task}-tuned"))


def _plan(request: TuneModelRequest, search: Search) -> Mapping[str, Any]:
    """Say as plain JSON what decides the trials, and so must be alike for all that work at them."""
    said = request.training.model_dump(mode="json", exclude_unset=True)
    settings = {name: value for name, value in said.items() if name not in CANNOT_MATTER and value is not None}
    space = {name: dimension.told for name, dimension in search.space.items()}
    plan = {"training": settings, "space": space, "sampler": search.sampler, "pruner": search.pruner}
    told: Mapping[str, Any] = json.loads(json_text({**plan, "seeds": request.seeds}))
    return told
