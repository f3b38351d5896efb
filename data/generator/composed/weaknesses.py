"""All weaknesses of composed programs."""

from data.generator.composed.choices import CHOICES
from data.generator.composed.exposures import EXPOSURES
from data.generator.composed.injections import INJECTIONS
from data.generator.composed.references import REFERENCES
from data.generator.composed.weakness import Weakness

WEAKNESSES: tuple[Weakness, ...] = (*INJECTIONS, *REFERENCES, *EXPOSURES, *CHOICES)
