"""A hub and models that remember what was asked of them, in order."""

from dataclasses import dataclass, field

from domain.sharing import Destination, SharedFile, SharedModel


@dataclass
class FakeModelHub:
    """Both ports of a push at once; raises `fault` where somebody must be logged in."""

    calls: list[str] = field(default_factory=list)
    sent: list[tuple[SharedModel, Destination]] = field(default_factory=list)
    fault: Exception | None = None

    def require(self) -> None:
        self.calls.append("require")
        if self.fault is not None:
            raise self.fault

    def open(self, path: str, name: str) -> SharedModel:
        self.calls.append(f"open {path} as {name}")
        files = SharedFile("athanor.json", 2, f"{path}/athanor.json", b"{}"), SharedFile("model.bin", 40, "m")
        return SharedModel("text_classification", files)

    def push(self, model: SharedModel, to: Destination) -> str:
        self.calls.append("push")
        self.sent.append((model, to))
        return f"https://hub/{to.name}"
