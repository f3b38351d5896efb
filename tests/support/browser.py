"""Pages in a headless Chromium, which remembers what they asked for and what they complained of."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# A container has no user namespace for the sandbox, and often little memory in /dev/shm.
_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
WIDTHS = (360, 800, 1600)
_CONTRASTS = """elements => elements.map(element => {
  const colour = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [[r, g, b], a]; };
  const over = ([top, alpha], below) => top.map((value, at) => value * alpha + below[at] * (1 - alpha));
  const light = rgb => rgb.map(value => value / 255).map(
    value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4
  ).reduce((sum, value, at) => sum + value * [.2126, .7152, .0722][at], 0);
  let behind = [255, 255, 255];
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(colour(getComputedStyle(at).backgroundColor));
  for (const layer of layers) behind = over(layer, behind);
  const [one, other] = [over(colour(getComputedStyle(element).color), behind), behind].map(light);
  return (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
})"""


@dataclass(frozen=True)
class OpenPage:
    """A page that is open; `complaints` are errors and warnings of its console, `requests` what it asked others for."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hidden_at_widths(self) -> list[int]:
        """Make the window as wide as a telephone, a tablet and a screen; gives for each what `hidden_sideways` says."""
        hidden = []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            hidden.append(self.hidden_sideways())
        return hidden

    def hidden_sideways(self) -> int:
        """Say by how many pixels the document is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def contrasts(self, selector: str) -> list[float]:
        """Give the contrast of text with what is behind it, by the rule of WCAG 2, for each element."""
        found: list[float] = self.page.locator(selector).evaluate_all(_CONTRASTS)
        return found

    def focused_by_tab(self, most: int = 200) -> list[str]:
        """Press Tab until the focus comes back to the page itself; give the tag and the name of each place."""
        places: list[str] = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            place = self.page.evaluate(
                "(at => at === document.body ? '' : at.tagName.toLowerCase() + ' ' + "
                "(at.getAttribute('aria-label') ?? at.innerText).trim())(document.activeElement)"
            )
            if not place:
                break
            places.append(place)
        return places

    def column(self, caption: str, number: int) -> list[str]:
        """Give the cells of a column of the table with that caption, in their order on the page, those folded too."""
        cells = self.page.locator("table", has=self.page.locator("caption", has_text=caption))
        return cells.locator(f"tbody tr > :nth-child({number})").all_text_contents()


class Chromium:
    """Opens pages, each in a window of its own that has no network."""

    def __init__(self, browser: "Browser") -> None:
        self._browser = browser

    @contextmanager
    def open(
        self, path: Path, width: int = 1280, scheme: Literal["light", "dark"] = "light", script: bool = True
    ) -> Iterator[OpenPage]:
        """Open a file; without `script` none runs."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, offline=True
        )
        try:
            found = OpenPage(context.new_page())
            found.page.on("console", lambda said: _keep(found.complaints, said.type, said.text))
            found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
            found.page.on("request", lambda request: found.requests.append(request.url))
            address = path.resolve().as_uri()
            found.page.goto(address)
            found.requests[:] = [url for url in found.requests if url != address and not url.startswith("data:")]
            yield found
        finally:
            context.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start the browser of this machine; a test is skipped where there is none.

    While it runs, nothing else in this process may start an event loop: close it with the module that asked for it.
    """
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no chromium on the path: install it (Debian: apt install chromium) to open the pages")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            yield Chromium(browser)
        finally:
            browser.close()


def _keep(complaints: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        complaints.append(f"{kind}: {text}")
