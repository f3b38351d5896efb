"""All ways in which a composed program hands a value on."""

from data.generator.composed.branches import BRANCHES
from data.generator.composed.calls import CALLS
from data.generator.composed.classes import CLASSES
from data.generator.composed.containers import CONTAINERS
from data.generator.composed.expressions import EXPRESSIONS
from data.generator.composed.functions import FUNCTIONS
from data.generator.composed.loops import LOOPS
from data.generator.composed.objects import OBJECTS
from data.generator.composed.step import Step

STEPS: tuple[Step, ...] = (
    *BRANCHES, *LOOPS, *CONTAINERS, *CALLS, *FUNCTIONS, *CLASSES, *OBJECTS, *EXPRESSIONS
)  # fmt: skip
