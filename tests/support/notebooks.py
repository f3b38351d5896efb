"""What a notebook shows once it has run."""

from typing import Any


def shown_by(notebook: Any) -> str:
    """Give all HTML that its cells have left."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {}))
