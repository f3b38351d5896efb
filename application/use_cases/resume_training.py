"""Resume a run that was killed, stopped or out of disk."""

from application.ports import RunMonitor, RunStore
from application.use_cases.train_model import TrainModelResponse, TrainModelUseCase
from domain.exceptions import AthanorError


class ResumeTrainingUseCase:
    """Takes up a run where its newest whole checkpoint stands; it ends as if it had never been interrupted."""

    def __init__(self, runs: RunStore, train_model: TrainModelUseCase) -> None:
        self._runs = runs
        self._train_model = train_model

    def execute(self, path: str, monitor: RunMonitor | None = None, accept_changes: bool = False) -> TrainModelResponse:
        """Go on with the run directory at `path`; answers like a training.

        With `accept_changes` settings or data may be others than they were, which the summary then says.
        """
        try:
            if (told := self._runs.told_before(path)) is not None:
                return TrainModelResponse.model_validate(told)
            run, request = self._runs.reopen(path)
        except AthanorError as error:
            return TrainModelResponse(success=False, errors=error.messages, exit_code=error.exit_code, run_dir=path)
        return self._train_model.execute(request, monitor, run, accept_changes)
