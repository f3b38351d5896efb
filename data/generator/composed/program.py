"""Writes the twins of a plan: two values travel side by side, and at the pivot of one twin they change places."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from data.generator.composed import noise
from data.generator.composed.drawing import ends
from data.generator.composed.guards import Guard
from data.generator.composed.plan import Guards, Order, Plan, Sources, Stage, Use
from data.generator.composed.slots import Slots
from data.generator.composed.sources import CLEAN, SECRETS
from data.generator.composed.step import Step
from data.generator.composed.text import Piece, Value
from data.generator.composed.weakness import OUTSIDE, SECRET
from data.generator.composed.writer import Writer
from data.generator.marked import GUARD, HARMFUL, TAINTED, Text, joined

INDENT = "    "
PUT_TOGETHER = (
    'f"$before{$v}$after"',
    '"$before" + $v + "$after"',
    '"$before%s$after" % $v',
    '"$before{}$after".format($v)',
    '"".join(["$before", $v, "$after"])',
)


@dataclass(frozen=True)
class Lanes:
    """The two values: the one that goes on to the use, and the other."""

    carried: Value
    spare: Value

    def turned(self, is_turned: bool) -> "Lanes":
        """Let the two change places, if so."""
        return Lanes(self.spare, self.carried) if is_turned else self


def compose(plan: Plan, vulnerable: bool) -> Text:
    """Write one twin: the vulnerable one as planned, the safe one with two pieces of its pivot exchanged."""
    return _Program(plan, vulnerable).text()


class _Program:
    def __init__(self, plan: Plan, vulnerable: bool) -> None:
        self._plan = plan
        self._vulnerable = vulnerable
        self._writer = Writer(random.Random(plan.seed), plan.surrounding.leaves)
        self._rng = self._writer.rng
        argument = Value(self._writer.name(), plan.weakness.tainted == OUTSIDE)
        self._given: dict[str, Piece] = {"arg": argument, "request": "request"}

    def text(self) -> Text:
        """Write the program from its head to its answer."""
        plan, writer = self._plan, self._writer
        head = Slots(writer, self._given)
        lines = head.text(plan.surrounding.head).lines()
        if writer.chance(plan.noise / 2):
            writer.helpers.append(Slots(writer, {}).text(self._rng.choice(noise.FUNCTIONS)).lines())
        lanes = Lanes(Value(writer.name()), Value(writer.name()))
        for number, stage in enumerate(plan.stages):
            lanes = self._write(stage, lanes, number == plan.pivot and not self._vulnerable)
            if number < len(plan.stages) - 1:
                noise.noise(writer, plan.noise)
        end = plan.stages[-1]
        if isinstance(end, Order) or (isinstance(end, Use) and not ends(end.harmful)):
            writer.body += head.text(plan.surrounding.answer).lines()
        indent = INDENT * plan.surrounding.depth
        helpers = [line for helper in writer.helpers for line in (*helper, Text(""), Text(""))]
        body = [joined((Text(indent), line)) for line in writer.body]
        return joined(part for line in (*helpers, *lines, *body) for part in (line, Text("\n")))

    def _write(self, stage: Stage, lanes: Lanes, is_turned: bool) -> Lanes:
        match stage:
            case Sources():
                return self._sources(stage, lanes, is_turned)
            case Step():
                return self._step(stage, lanes, is_turned)
            case Guards():
                return self._guards(stage, lanes, is_turned)
            case Guard():
                return replace(lanes, carried=self._guard(stage, lanes.carried, helps=False))
            case Use():
                self._use(stage, lanes.turned(is_turned))
            case Order():
                self._order(stage, lanes.carried, is_turned)
        return lanes

    def _sources(self, stage: Sources, names: Lanes, is_turned: bool) -> Lanes:
        weakness, rng = self._plan.weakness, self._rng
        if weakness.tainted in (OUTSIDE, SECRET):
            sources = self._plan.surrounding.sources if weakness.tainted == OUTSIDE else SECRETS
            tainted, other = rng.choice(sources), rng.choice(sources if stage.are_both_tainted else CLEAN)
        else:
            data = self._writer.name()
            self._given["data"] = data
            self._writer.write(f"$data = {rng.choice(self._plan.surrounding.sources)}", self._given)
            tainted, other = rng.choice(weakness.choices)
        lanes = Lanes(Value(names.carried.name, True), Value(names.spare.name, stage.are_both_tainted))
        if is_turned:
            lanes = Lanes(Value(names.carried.name), Value(names.spare.name, True))
        holders = lanes.turned(is_turned)
        lines = [(holders.carried, tainted), (holders.spare, other)]
        rng.shuffle(lines)
        for holder, source in lines:
            self._writer.write(f"$v = {source}", {**self._given, "v": holder})
        return lanes

    def _step(self, step: Step, lanes: Lanes, is_turned: bool) -> Lanes:
        operands = lanes.turned(is_turned)
        form = self._rng.choice(step.forms)
        slots = self._writer.write(form, {"kept": operands.carried, "left": operands.spare})
        return Lanes(slots.value("out"), slots.value("spare") if "spare" in slots.pieces else lanes.spare)

    def _guards(self, stage: Guards, lanes: Lanes, is_turned: bool) -> Lanes:
        unhelped, helped = lanes.turned(is_turned).carried, lanes.turned(is_turned).spare
        if self._writer.chance(0.5):
            after_useless = self._guard(stage.useless, unhelped, helps=False)
            after_helping = self._guard(stage.helping, helped, helps=True)
        else:
            after_helping = self._guard(stage.helping, helped, helps=True)
            after_useless = self._guard(stage.useless, unhelped, helps=False)
        return Lanes(after_useless, after_helping).turned(is_turned)

    def _guard(self, guard: Guard, value: Value, helps: bool) -> Value:
        after = Value(value.name, value.tainted and not helps)
        start = len(self._writer.body)
        self._writer.write(guard.text, {"v": value, "after": after})
        if helps:
            self._mark(start, GUARD)
        return after

    def _use(self, stage: Use, lanes: Lanes) -> None:
        sound = stage.sound or self._rng.choice(noise.HARMLESS)
        if ends(stage.harmful) or self._writer.chance(0.5):
            self._writer.write(sound, {**self._given, "v": lanes.spare})
            self._harm(stage.harmful, lanes.carried)
        else:
            self._harm(stage.harmful, lanes.carried)
            self._writer.write(sound, {**self._given, "v": lanes.spare})

    def _order(self, stage: Order, value: Value, is_turned: bool) -> None:
        """Write the guard behind the use, or before it; what stands between and around them is drawn alike."""
        guard = self._cut(lambda: self._guard(stage.guard, value, helps=True))
        use = self._cut(lambda: self._harm(stage.harmful, Value(value.name, value.tainted and not is_turned)))
        for lines in (guard, use) if is_turned else (use, guard):
            noise.filler(self._writer)
            self._writer.body += lines
        noise.filler(self._writer)

    def _cut(self, write: Callable[[], object]) -> list[Text]:
        """Write something, and take it out of the body again."""
        start = len(self._writer.body)
        write()
        lines = self._writer.body[start:]
        del self._writer.body[start:]
        return lines

    def _harm(self, use: str, value: Value) -> None:
        """Write the use, with the value or with a text around it, and mark its lines if it does harm."""
        pieces: dict[str, Piece] = {**self._given, "v": value}
        if "$p" in use:
            pieces["p"] = self._put_together(value)
        start = len(self._writer.body)
        self._writer.write(use, pieces)
        self._mark(start, HARMFUL)

    def _put_together(self, value: Value) -> Text | Value:
        """Put the value into a longer text, which now and then gets a name first."""
        writer = self._writer
        before, after = self._rng.choice(self._plan.weakness.around)
        forms = [form for form in PUT_TOGETHER if "%" not in form or "%" not in before + after]
        form = self._rng.choice(forms).replace(' + "$after"', ' + "$after"' if after else "")
        slots = Slots(writer, {"v": value})
        slots.pieces |= {"before": slots.text(before), "after": slots.text(after)}
        if writer.chance(0.35):
            return writer.write(f"$name = {form}", {**slots.pieces, "name": value.named(writer.name())}).value("name")
        return slots.text(form)

    def _mark(self, start: int, name: str) -> None:
        """Mark the lines from a place on in which a tainted value stands."""
        body = self._writer.body
        body[start:] = [
            line.marked(name) if any(m.name == TAINTED for m in line.marks) else line for line in body[start:]
        ]
