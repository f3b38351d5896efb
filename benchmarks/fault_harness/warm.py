"""What a process does once, whatever it trains; done before a fork, no child does it again."""

from application.training import training_of
from application.training_request import TrainModelRequest
from domain.task import TASKS
from infrastructure.environment import environment
from infrastructure.reports.page.html import templates


def warm_up() -> None:
    """Build the models of settings, read versions and the templates of the page, compile patterns of transformers.

    No thread is started. A child that trains for a second spent a third of it on these.
    """
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    TrainModelRequest.model_rebuild()
    for task in TASKS.values():
        training_of(task).model_rebuild()
    environment()
    page = templates()
    for name in page.list_templates(extensions=["j2"]):
        page.get_template(name)
    get_checkpoint_conversion_mapping("llama")
