"""One project read into labelled functions, and its fixes into functions before and after."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from application.dataset_ports import CodeFunctions, CodeProject, CodeScanner
from domain.changed_lines import changed_lines
from domain.code_rows import BY_FIX, BY_SCANNER, GUARD, HARMFUL, CodeFile, CodeRow, Fix, FixedFile, Function, Unit
from domain.findings import Finding
from domain.marks import Mark
from domain.weak_labels import SAFE, label_of, label_of_fixed, weakness_of

UNPARSED = "files that are no Python of this version"
UNREADABLE = "functions that {} cannot read"
LARGE_FIXES = "commits that change more than a fix does"
ALIKE = "functions that a fix changes in comments or layout alone"

Findings = tuple[Finding, ...]


class Harvest:
    """Reads a project; what is left out of it is counted in `left_out`, by reason."""

    def __init__(self, project: CodeProject, functions: CodeFunctions, scanner: CodeScanner, licence: str) -> None:
        self.left_out: Counter[str] = Counter()
        self._project = project
        self._functions = functions
        self._scanner = scanner
        self._licence = licence

    def labelled(self) -> Iterator[Unit]:
        """Give each function with the label that the findings of the scanner stand for.

        A file is scanned as a whole, because a finding may depend on what it imports.
        """
        for file in self._project.files():
            for function, findings in self._examined(file):
                yield Unit((self._row(file, function, findings),))

    def fixed(self, largest: int) -> Iterator[Unit]:
        """Give each function that a fix of at most so many functions changes, before and after it."""
        for fix in self._project.fixes(largest):
            pairs = [(file, *pair) for file in fix.files for pair in self._changed(file)]
            if len(pairs) > largest:
                self.left_out[LARGE_FIXES] += 1
                continue
            for file, before, after in pairs:
                if unit := self._twins(fix, file, before, after):
                    yield unit

    def _examined(self, file: CodeFile) -> list[tuple[Function, Findings]]:
        functions = self._functions.functions(file.text)
        if functions is None:
            self.left_out[UNPARSED] += 1
            return []
        if not functions:
            return []
        findings = self._findings(file.text)
        if findings is None:
            self.left_out[UNREADABLE.format(self._scanner.name)] += len(functions)
            return []
        return [(function, _within(function, findings)) for function in functions]

    def _findings(self, text: str) -> Findings | None:
        examination = self._scanner.examine(text)
        return None if examination.unreadable else examination.findings

    def _row(self, file: CodeFile, function: Function, findings: Findings) -> CodeRow:
        return CodeRow(
            code=function.code,
            label=label_of(findings),
            labelled_by=BY_SCANNER,
            project=self._project.project,
            path=file.path,
            name=function.name,
            line=function.line,
            commit=self._project.commit,
            licence=file.licence or self._licence,
            cwe=weakness_of(findings),
            findings=findings,
        )

    def _changed(self, file: FixedFile) -> list[tuple[Function, Function]]:
        before, after = self._functions.functions(file.before), self._functions.functions(file.after)
        if before is None or after is None:
            self.left_out[UNPARSED] += 1
            return []
        old: Mapping[str, Function] = {function.name: function for function in before}
        pairs = [(old[new.name], new) for new in after if new.name in old and old[new.name].code != new.code]
        kept = [pair for pair in pairs if not self._functions.same(pair[0].code, pair[1].code)]
        self.left_out[ALIKE] += len(pairs) - len(kept)
        return kept

    def _twins(self, fix: Fix, file: FixedFile, before: Function, after: Function) -> Unit | None:
        findings, later = self._findings(file.before), self._findings(file.after)
        if findings is None or later is None:
            self.left_out[UNREADABLE.format(self._scanner.name)] += 1
            return None
        weak = self._row(CodeFile(file.path, ""), before, _within(before, findings))
        mended = self._row(CodeFile(file.path, ""), after, _within(after, later))
        removed, added = changed_lines(before.code, after.code)
        pointed = _pointing_to(removed, before.code, weak.findings)
        known: dict[str, Any] = {
            "labelled_by": BY_FIX,
            "cve": fix.advisory,
            "pair_id": f"{fix.commit[:12]}:{file.path}:{after.name}",
        }
        cwe = fix.cwe or weakness_of(pointed)
        label = label_of_fixed(fix.cwe, pointed)
        harmful = tuple(Mark(start, end, HARMFUL) for start, end in removed)
        guards = tuple(Mark(start, end, GUARD) for start, end in added)
        return Unit(
            (
                replace(weak, label=label, commit=fix.parent, cwe=cwe, marks=harmful, **known),
                replace(mended, label=SAFE, commit=fix.commit, cwe=cwe, marks=guards, **known),
            )
        )


def _within(function: Function, findings: Findings) -> Findings:
    """Give the findings that begin within a function, by its own lines."""
    moved = []
    for found in findings:
        if function.line <= found.first_line <= function.last_line:
            ahead = function.line - 1
            last = min(found.last_line, function.last_line) - ahead
            moved.append(replace(found, first_line=found.first_line - ahead, last_line=last))
    return tuple(moved)


def _pointing_to(spans: list[tuple[int, int]], code: str, findings: Findings) -> list[Finding]:
    lines = {code.count("\n", 0, start) + 1 for start, _ in spans}
    return [found for found in findings if not lines.isdisjoint(range(found.first_line, found.last_line + 1))]
