"""A report of a scan as text, in each of its forms, and as a file."""

from pathlib import Path

from application.told_scan import told
from domain.exceptions import ConfigurationError
from domain.scan import ScanReport
from domain.showing import json_text
from infrastructure.files import write_whole
from infrastructure.places import require_place
from infrastructure.reports.page.html import page_html
from infrastructure.scan.json_report import json_of
from infrastructure.scan.page import page_of
from infrastructure.scan.sarif import sarif_of
from infrastructure.scan.tree import ENDINGS


class ReportFiles:
    """Writes reports."""

    def require(self, path: str) -> None:
        """Find fault with the place of a file before anything is looked at. Raises: ConfigurationError."""
        require_place(path, "output")
        if Path(path).suffix.lower() in ENDINGS:
            raise ConfigurationError(
                f"output {path} ends as source code does, and would replace it.",
                remedy="Name another, such as scan.json.",
            )

    def text_of(self, report: ScanReport, form: str) -> str:
        """Give a report as `text`, `json`, `sarif` or `html`."""
        if form == "html":
            return page_html(page_of(report))
        if form == "text":
            return "".join(f"{line.text}\n" for line in told(report))
        return f"{json_text(json_of(report) if form == 'json' else sarif_of(report), 2)}\n"

    def write(self, path: str, text: str) -> None:
        """Write a whole file or none. Raises: ConfigurationError when the disk refuses."""
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(Path(path), text)
        except (OSError, UnicodeEncodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(
                f"{path} cannot be written: {reason}.", remedy="Make room or choose another place."
            ) from error
