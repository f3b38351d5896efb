"""The graph of finished models at work: one that was exported is asked without torch, which takes seconds to load."""

from dependency_injector import containers, providers

from application.use_cases.evaluate_model import EvaluateModelUseCase
from application.use_cases.predict import PredictUseCase
from infrastructure.answers.answer_files import AnswerFiles
from infrastructure.predictors import PredictorSource


class AnswersContainer(containers.DeclarativeContainer):
    """Every part that asks finished models; a test overrides what it wants to fake."""

    predictors = providers.Factory(PredictorSource)
    answer_files = providers.Factory(AnswerFiles)

    evaluate_model = providers.Factory(EvaluateModelUseCase, predictors=predictors)
    predict = providers.Factory(PredictUseCase, predictors=predictors, files=answer_files)
