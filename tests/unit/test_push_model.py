"""A push asks whether it may before it reads a model, and a dry run asks nobody."""

import pytest

from application.use_cases.push_model import PushModelRequest, PushModelUseCase
from domain.exceptions import ConfigurationError
from domain.sharing import Destination
from tests.fakes.hub import FakeModelHub


def pushed(hub: FakeModelHub, **changes: object) -> object:
    request = PushModelRequest.checked(**{"run": "runs/one", "name": "me/one", **changes})
    return PushModelUseCase(models=hub, hub=hub).execute(request)


def test_who_may_not_push_waits_for_no_digest() -> None:
    hub = FakeModelHub(fault=ConfigurationError("nobody is logged in."))
    with pytest.raises(ConfigurationError, match="nobody"):
        pushed(hub)
    assert hub.calls == ["require"]


def test_a_model_is_looked_through_under_its_new_name_and_sent() -> None:
    hub = FakeModelHub()
    answer = PushModelUseCase(models=hub, hub=hub).execute(PushModelRequest(run="runs/one", name="me/one"))
    assert hub.calls == ["require", "open runs/one as me/one", "push"]
    assert (answer.address, answer.num_bytes) == ("https://hub/me/one", 42)
    assert hub.sent[0][1].message.startswith("text_classification, trained by Athanor ")


def test_a_dry_run_asks_nobody() -> None:
    hub = FakeModelHub(fault=ConfigurationError("nobody is logged in."))
    answer = PushModelUseCase(models=hub, hub=hub).execute(PushModelRequest(run="r", name="me/one", dry_run=True))
    assert hub.calls == ["open r as me/one"]
    assert (answer.address, answer.files) == ("", {"athanor.json": 2, "model.bin": 40})


def test_an_option_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="dry_run"):
        pushed(FakeModelHub(), token="x")


@pytest.mark.parametrize("branch", ["", "a b", "-x", "a..b", "x.", "x/", "x.lock", "\n", "x" * 101])
def test_a_branch_that_can_be_none_is_refused(branch: str) -> None:
    with pytest.raises(ConfigurationError, match="is no branch"):
        Destination("me/one", branch)


@pytest.mark.parametrize("branch", ["main", "refs/pr/1", "v1.0", "a-b_c"])
def test_others_are_taken(branch: str) -> None:
    assert Destination("me/one", branch).branch == branch
