"""Keeps the picture of a range test where a person wants it."""

from pathlib import Path

from domain.exceptions import ConfigurationError, RunError
from domain.rate_sweep import RateFound, RateSweep, SweptLosses
from infrastructure.places import require_place
from infrastructure.reports.rate_curve import draw_rate_curve

ENDING = ".png"
NAME = "--picture"


class RateCurves:
    """Draws a sweep into a PNG file, which comes whole or not at all."""

    def require_place(self, path: str) -> None:
        """Find fault with the place of a picture. Raises: ConfigurationError."""
        require_place(path, NAME)
        if Path(path).suffix.lower() != ENDING:
            raise ConfigurationError(f"{NAME} {path} must end in {ENDING}: that is what it is.", remedy="Rename it.")

    def draw(self, path: str, sweep: RateSweep, swept: SweptLosses, found: RateFound) -> None:
        """Draw losses over rates, with what was found. Raises: RunError when the disk refuses."""
        try:
            Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
            draw_rate_curve(sweep, swept, found, Path(path))
        except OSError as error:
            raise RunError(
                f"{NAME} {path} cannot be written: {error.strerror or error}.",
                remedy="Make room, or choose another place.",
            ) from error
