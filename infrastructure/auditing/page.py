"""An audit as a page of its own, and in short as a part of the page of a run."""

from collections.abc import Iterator, Sequence
from itertools import chain
from shlex import join

from domain.alarms import KNOWING_KAPPA, TELLING_AUC
from domain.audit import Audit, Clones, Scores
from domain.hub_names import name_of_data
from domain.showing import json_text
from domain.words import counted
from infrastructure.reports.page.blocks import (
    Block,
    Cell,
    Column,
    Command,
    Facts,
    Folded,
    Page,
    Paragraph,
    Section,
    Table,
)

WAYS = {
    "exact": "the same, white space aside",
    "renamed": "the same with other names or numbers",
    "near": "0.8 of all runs of five words shared",
}
ROWS_SHOWN = 10
NO_ALARM = "No alarm was raised."
CONFIDENT = "Northcutt, Jiang and Chuang, Confident Learning, Journal of Artificial Intelligence Research 70 (2021)."


def audit_page(audit: Audit) -> Page:
    """Tell all that was found."""
    name = name_of_data(audit.dataset_path)
    alarms = counted(len(audit.alarms), "alarms") if audit.alarms else "no alarm"
    sentence = (
        f"{counted(audit.num_train, 'rows')} to learn from and {audit.num_eval:,} to score on, read as {audit.task} and"
        f" compared as {audit.form}: {alarms}."
    )
    return Page(
        f"Audit of {name}",
        sentence,
        [
            Section("Alarms", list(_alarms(audit))),
            Section("Clones", list(_clones(audit))),
            Section("Labels", list(_labels(audit))),
            Section("Shortcuts", list(_shortcuts(audit))),
            Section("Leaks", list(_leaks(audit))),
            Section("Scores without what training knows", list(_scores(audit))),
            Section("This page again", list(_again(audit))),
        ],
    )


def brief_blocks(audit: Audit) -> Sequence[Block]:
    """Tell in short what a training's rows give away: alarms, clones across the split, shortcuts."""
    found: list[Block] = [Paragraph("What the rows give away before any model learns from them:")]
    found += [Paragraph(f"{each.sentence} {each.remedy}", "warning") for each in audit.alarms]
    facts = {f"evaluation rows with a clone in training, {each.kind}": f"{each.across:,}" for each in audit.clones}
    aucs = {each.name: each.auc if each.auc_held_out is None else each.auc_held_out for each in audit.shortcuts}
    facts |= {f"AUC of {name} alone": f"{auc:.3f}" for name, auc in aucs.items() if auc is not None}
    found.append(Facts(facts))
    found += [Paragraph(said[:1].upper() + said[1:], "note") for said in (*audit.samples, *audit.notes)]
    again = join(["athanor", "dataset", "audit", audit.dataset_path, *_options(audit)])
    return [*found, Paragraph("The whole audit, with rows to look at:"), Command(again)]


def _alarms(audit: Audit) -> Iterator[Block]:
    if not audit.alarms:
        yield Paragraph(NO_ALARM)
    yield from (Paragraph(f"{each.finding}: {each.sentence} {each.remedy}", "warning") for each in audit.alarms)
    yield from (Paragraph(said, "note") for said in (*audit.notes, *audit.samples))
    columns = [Column("label"), Column("to learn from", "count"), Column("to score on", "count")]
    yield Table("Rows of each label", columns, [[each.label, each.training, each.evaluation] for each in audit.labels])


def _clones(audit: Audit) -> Iterator[Block]:
    columns = [
        Column("like another row"),
        Column("evaluation rows compared", "count"),
        Column("evaluation rows like a training row", "count"),
        Column("training rows like another", "count"),
        Column("evaluation rows like another", "count"),
    ]
    rows: list[Sequence[Cell]] = [
        [WAYS[each.kind], each.rows, each.across, each.in_training, each.in_evaluation] for each in audit.clones
    ]
    yield Paragraph("Each row is counted where it is most like another.")
    yield Table("Clones", columns, rows)
    for found in audit.clones:
        if found.examples:
            yield _examples(found)


def _examples(found: Clones) -> Table:
    columns = [
        Column("evaluation row"),
        Column("training row"),
        Column("shared", "share"),
        Column("label"),
        Column("label there"),
    ]
    rows: list[Sequence[Cell]] = [
        (each.evaluation, each.training, each.similarity, each.evaluation_label, each.training_label)
        for each in found.examples
    ]
    return Table(f"{found.kind.capitalize()} clones across the split, the first {len(rows)}", columns, rows, ROWS_SHOWN)


def _labels(audit: Audit) -> Iterator[Block]:
    conflicts, noise = audit.conflicts, audit.noise
    yield Paragraph(
        f"{counted(conflicts.texts, 'texts')} in {counted(conflicts.rows, 'rows')} have more than one label."
    )
    if conflicts.examples:
        rows = [(", ".join(each.rows), ", ".join(each.labels)) for each in conflicts.examples]
        yield Table("Texts with more than one label", [Column("rows"), Column("labels")], rows, ROWS_SHOWN)
    if noise is None:
        return
    if noise.kappa < KNOWING_KAPPA:
        yield Paragraph(f"A bag of words knows too little of these labels to doubt any (kappa {noise.kappa:.2f}).")
        return
    yield Paragraph(
        f"About {noise.share:.1%} of {counted(noise.rows, 'rows')} look wrong, by a bag of words that has not learned "
        f"from them (kappa {noise.kappa:.2f}); {counted(noise.count, 'rows')} are candidates to look at, and many of "
        "them are right and only hard."
    )
    columns = [
        Column("row"),
        Column("label"),
        Column("its score", "share"),
        Column("may be"),
        Column("its score", "share"),
    ]
    doubts: list[Sequence[Cell]] = [
        (each.row, each.label, each.label_score, each.suggested, each.suggested_score) for each in noise.doubtful
    ]
    if doubts:
        yield Table(f"Labels to look at, the {len(doubts)} most contradicted", columns, doubts, ROWS_SHOWN)
    yield Folded("The source", [Paragraph(CONFIDENT, "note")])


def _shortcuts(audit: Audit) -> Iterator[Block]:
    if not audit.shortcuts:
        return
    told = "of all labels but the negative one" if audit.negative_label else "of the labels"
    yield Paragraph(
        f"What tells {told} without understanding, as the area under the ROC curve for rows that were not learned "
        f"from: 0.5 is chance, above {TELLING_AUC} is an alarm."
    )
    columns = [Column("by itself"), Column("AUC", "number")]
    if audit.held_out_by is not None:
        columns.append(Column(f"AUC, each {audit.held_out_by} held out as a whole", "number"))
    rows = [[each.name, each.auc, each.auc_held_out][: len(columns)] for each in audit.shortcuts]
    yield Table("Shortcuts", columns, rows)
    words = [[found.name, each.label, "  ".join(each.words)] for found in audit.shortcuts for each in found.words]
    if words:
        yield Table(
            "Words that speak most for each label", [Column("by itself"), Column("label"), Column("words")], words
        )


def _leaks(audit: Audit) -> Iterator[Block]:
    if not audit.groups and not audit.times:
        yield Paragraph("No column of projects, commits, times or the like was found.")
    if audit.groups:
        columns = [
            Column("column"),
            Column("values", "count"),
            Column("on both sides", "count"),
            Column("evaluation rows with one of these", "count"),
            Column("such as"),
        ]
        rows: list[Sequence[Cell]] = [
            (each.column, each.values, each.shared, each.rows, ", ".join(each.examples)) for each in audit.groups
        ]
        yield Table("What stands on both sides", columns, rows)
    for times in audit.times:
        yield Facts(
            {
                f"{times.column}, learnt from": " to ".join(times.training),
                f"{times.column}, scored on": " to ".join(times.evaluation),
                "evaluation rows older than the newest training row": f"{times.older:,} of {times.rows:,}",
                "chance that a row scored on is older than one learnt from": f"{times.share_older:.3f}",
            }
        )


def _scores(audit: Audit) -> Iterator[Block]:
    if not audit.scores:
        return
    yield Paragraph(
        "A bag of words learns from the training part and is scored on the evaluation part, as it is and without the "
        "rows that training knows."
    )
    names = ("accuracy", "macro F1", "AUC", "Youden's J")
    columns = [Column("evaluation rows"), Column("rows", "count"), *(Column(name, "number") for name in names)]
    rows = [[each.part, each.rows, *_four(each.words)] for each in audit.scores]
    yield Table("Scores of a bag of words", columns, rows)
    if any(each.run for each in audit.scores):
        runs = [[each.part, each.run_rows, *_four(each.run)] for each in audit.scores]
        yield Table("Scores of the run", columns, runs)
    yield from (Paragraph(f"{each.part}: {each.why_not}.", "note") for each in audit.scores if each.why_not)


def _four(scores: Scores | None) -> list[Cell]:
    return [None] * 4 if scores is None else [scores.accuracy, scores.macro_f1, scores.auc, scores.youden_j]


def _again(audit: Audit) -> Iterator[Block]:
    yield Command(join(["athanor", "dataset", "audit", audit.dataset_path, *_options(audit), "--format", "html"]))


def _options(audit: Audit) -> list[str]:
    scored = [] if audit.eval_path is None else ["--eval", audit.eval_path]
    settings = [
        f"{name}={value if isinstance(value, str) else json_text(value)}" for name, value in audit.settings.items()
    ]
    return [*scored, "--task", audit.task, *chain.from_iterable(("--set", setting) for setting in settings)]
