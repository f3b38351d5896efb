"""Things that are made to happen inside a child: at a call of the task, of its kind, of torch."""

from collections.abc import Callable
from typing import Any

Act = Callable[[], None]
Prepare = Callable[[Act], Act]


class Watched:
    """Stands in for a task and lets something happen at the N-th call of one of its methods."""

    def __init__(self, task: Any, method: str, wrap: Callable[[Any], Any]) -> None:
        self._task = task
        setattr(self, method, wrap(getattr(task, method)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


def wrapping(method: str, wrap: Callable[[Any], Any]) -> Act:
    """Prepare a child whose trainer gets its task with one method wrapped."""

    def prepare() -> None:
        from infrastructure.training.advanced_trainer import AdvancedTrainer

        trainer: Any = AdvancedTrainer
        real = trainer.__init__

        def init(self: Any, *words: Any, task: Any = None, **named: Any) -> None:
            real(self, *words, task=Watched(task, method, wrap), **named)

        trainer.__init__ = init

    return prepare


def at_call(method: str, number: int) -> Prepare:
    """Have something called just before the N-th call of a method of the task."""

    def made(act: Act) -> Act:
        calls = [0]

        def wrap(real: Any) -> Any:
            def called(*words: Any, **named: Any) -> Any:
                calls[0] += 1
                if calls[0] == number + 1:
                    act()
                return real(*words, **named)

            return called

        return wrapping(method, wrap)

    return made


def at_phase(method: str) -> Prepare:
    """Have something called when a kind of task is first asked to load, build, prepare or report."""

    def made(act: Act) -> Act:
        def prepare() -> None:
            from infrastructure.tasks.registry import KINDS

            once = only_once(act)
            for kind in {type(kind) for kind in KINDS.values()}:
                _patch(kind, method, once)

        return prepare

    return made


def only_once(act: Act) -> Act:
    """Make the second call and all later ones do nothing."""
    calls: list[int] = []

    def once() -> None:
        calls.append(1)
        if len(calls) == 1:
            act()

    return once


def _patch(owner: Any, method: str, first: Act) -> None:
    real = getattr(owner, method)

    def called(*words: Any, **named: Any) -> Any:
        first()
        return real(*words, **named)

    setattr(owner, method, called)


def patched(find: Callable[[], tuple[Any, str]], first: Act) -> Act:
    """Prepare a child in which something is called before a function; `find` gives its owner and its name."""

    def prepare() -> None:
        owner, name = find()
        _patch(owner, name, first)

    return prepare
