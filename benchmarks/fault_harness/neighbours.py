"""Several at once: on one data cache, on one run, in threads of one process."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.children import Body, Ended, athanor
from benchmarks.fault_harness.comparing import differences, facts_of
from benchmarks.fault_harness.damage import stop_before
from benchmarks.fault_harness.disk import KILL, Disk, Fault
from benchmarks.fault_harness.jobs import Job
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict, fresh_copy, sentence_or_fault, what_was_said

SECTION = "neighbours"
TRIALS = 3
ONE_WINS = f"one goes on to {SAME}, the others are refused in a sentence"


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give races, each some times, for no two of them are alike."""
    for task in options.tasks:
        job = stage.jobs.of(task, steps=6, save=2, evaluate=2)
        base = stage.work / "raced" / task
        stage.stopped(job, base, at=stop_before(stage, job, 6))
        races = (
            ("three trainings on one cold cache", SAME, partial(_one_cache, stage, job)),
            ("three trainings into one directory", ONE_WINS, partial(_one_directory, stage, job)),
            ("three resumes of one run", ONE_WINS, partial(_one_run, stage, job, base)),
            ("a cache that another one is killed over", SAME, partial(_killed_neighbour, stage, job)),
        )
        for trial in range(TRIALS):
            for group, right, attack in races:
                yield Case(SECTION, task, group, f"trial-{trial}", right, attack)
        right = f"{SAME} as alone, or refused in a sentence"
        attack = partial(_two_threads, stage, job)
        yield Case(SECTION, task, "two trainings in threads of one process", "threads", right, attack)


def _all_of(stage: Stage, bodies: Sequence[Body], cache: Path | None = None) -> list[Ended]:
    children = [stage.start(body, cache=cache) for body in bodies]
    return [child.ended() for child in children]


def _one_cache(stage: Stage, job: Job, place: Path) -> Verdict:
    runs = [place / f"run-{number}" for number in range(3)]
    bodies = [athanor(*job.train(run), before=job.before) for run in runs]
    verdicts = [
        stage.compared(job, run, ended)
        for run, ended in zip(runs, _all_of(stage, bodies, place / "cache"), strict=True)
    ]
    left = sorted(path.name for path in (place / "cache").glob(".staging-*"))
    faults = [verdict.fault for verdict in verdicts if verdict.fault]
    faults += [f"left in the cache: {', '.join(left)}"] if left else []
    return Verdict(SAME if not faults else "broken", "; ".join(faults))


def _one_directory(stage: Stage, job: Job, place: Path) -> Verdict:
    return _one_wins(stage, job, place / "run", [athanor(*job.train(place / "run"), before=job.before)] * 3)


def _one_run(stage: Stage, job: Job, base: Path, place: Path) -> Verdict:
    run = fresh_copy(base, place / "run")
    return _one_wins(stage, job, run, [athanor("resume", run, before=job.before)] * 3)


def _one_wins(stage: Stage, job: Job, run: Path, bodies: Sequence[Body]) -> Verdict:
    ended = _all_of(stage, bodies)
    winners = [one for one in ended if one.exit_code == 0]
    if len(winners) != 1:
        codes = Counter(one.exit_code for one in ended)
        return Verdict("not one winner", f"exit codes {dict(codes)}: {'; '.join(map(what_was_said, ended))}")
    for loser in ended:
        if loser is not winners[0] and (said := sentence_or_fault(loser, codes=(2,))).fault:
            return said
    return stage.compared(job, run, winners[0])


def _killed_neighbour(stage: Stage, job: Job, place: Path) -> Verdict:
    """Fill a cache while somebody else, who was at it too, is killed in the middle of an entry."""
    cache = place / "cache"
    first = next(c for c in stage.changes_of_cache(job) if c.operation == "fsync")
    killed = stage.start(
        athanor(*job.train(place / "killed"), before=(*job.before, Disk(cache, Fault(first, KILL)))), cache=cache
    )
    going_on = stage.start(athanor(*job.train(place / "run"), before=job.before), cache=cache)
    end = killed.ended()
    verdict = stage.compared(job, place / "run", going_on.ended())
    if end.exit_code not in (0, -signal.SIGKILL):
        return Verdict("the other one failed", what_was_said(end))
    return verdict


def _two_threads(stage: Stage, job: Job, place: Path) -> Verdict:
    """Train twice in one process, at once, as a service does."""
    words = [("alone", "one", job), ("beside", "one", job), ("beside", "two", job.changed(seed=4))]
    ended = stage.run(lambda: _threads(place, [(w, n, j) for w, n, j in words if w == "alone"]), cache=place / "cache")
    if ended.exit_code != 0 or ended.fault:
        return Verdict("alone", what_was_said(ended))
    ended = stage.run(lambda: _threads(place, [(w, n, j) for w, n, j in words if w == "beside"]), cache=place / "c2")
    if ended.fault:
        return Verdict("broken", ended.fault)
    refused = [line for line in ended.stdout.splitlines() if line.startswith("refused: ")]
    if len(refused) == 1:
        return Verdict("the second one refused in a sentence")
    if refused or ended.exit_code != 0:
        return Verdict("broken", f"exit {ended.exit_code}: {'; '.join(refused)[:200]}")
    found = differences(facts_of(place / "alone" / "one"), facts_of(place / "beside" / "one"))
    return Verdict(SAME if not found else "differs", "; ".join(found))


def _threads(place: Path, words: Sequence[tuple[str, str, Job]]) -> None:
    from application.training_request import TrainModelRequest
    from infrastructure.container import Container

    def train(where: Path, job: Job) -> None:
        request = TrainModelRequest(
            task=job.task, dataset_path=str(job.data), output_dir=str(where), **dict(job.settings)
        )
        response = Container().train_model().execute(request)
        if not response.success:
            print(f"refused: {'; '.join(response.errors)}")

    for prepare in words[0][2].before:
        prepare()
    threads = [threading.Thread(target=train, args=(place / w / n, job)) for w, n, job in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
