"""How complex a function is, as radon measures it: https://radon.readthedocs.io."""

import ast

from domain.code_rows import Measures
from infrastructure.harvest.packages import version_of


class RadonMeasures:
    """Measures by radon, a part of the extra `security`."""

    @property
    def version(self) -> str:
        """Give the version of radon, which decides what it measures. Raises: ConfigurationError where it is missing."""
        return version_of("radon")

    def measures(self, code: str) -> Measures | None:
        """Measure a function; None where radon finds no way through it.

        Sources: McCabe, A Complexity Measure, IEEE TSE 2 (1976); the index of maintainability is that of Coleman et
        al., IEEE Computer 27 (1994), as radon scales it.
        """
        from radon.metrics import mi_visit
        from radon.visitors import ComplexityVisitor

        try:
            blocks = ComplexityVisitor.from_ast(ast.parse(code)).blocks
            index = mi_visit(code, multi=True)
        except Exception:  # of code that it does not know it raises whatever happens there
            return None
        return Measures(max((block.complexity for block in blocks), default=1), float(index))
