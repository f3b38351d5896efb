"""An audit as text, JSON or a page, and as a file."""

from dataclasses import asdict
from pathlib import Path

from domain.audit import Audit
from domain.exceptions import ConfigurationError
from domain.showing import json_text
from infrastructure.auditing.page import audit_page
from infrastructure.auditing.plain import plain_text
from infrastructure.files import write_whole
from infrastructure.places import require_place
from infrastructure.reports.page.html import page_html


class AuditFiles:
    """Writes what an audit has found for people and programs."""

    def require(self, path: str) -> None:
        """Find fault with the place of a file before anything is looked at. Raises: ConfigurationError."""
        require_place(path, "output")

    def text_of(self, audit: Audit, form: str) -> str:
        """Give an audit as `text`, `json` or `html`."""
        if form == "html":
            return page_html(audit_page(audit))
        return plain_text(audit) if form == "text" else json_text(asdict(audit), indent=2) + "\n"

    def write(self, path: str, text: str) -> None:
        """Write a whole file. Raises: ConfigurationError when the disk refuses."""
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(Path(path), text)
        except OSError as error:
            raise ConfigurationError(
                f"output {path} cannot be written: {error.strerror or error}.",
                remedy="Make room or choose another place.",
            ) from error
