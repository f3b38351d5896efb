"""The shape of a forecaster, as far as the columns of a table decide it."""

from typing import Any

from domain.values import PLAIN
from infrastructure.data.series.covariates import CovariateRecipe
from infrastructure.data.series.series import SeriesRecipe


def shape_of_covariates(recipe: SeriesRecipe) -> dict[str, Any]:
    """Say what a model is told beside values, nothing where it is told nothing."""
    told = recipe.covariates
    beside = told or CovariateRecipe()
    num_categories = len(beside.categories)
    is_plain = [scale.kind == PLAIN for scale in recipe.scales] or [True] * recipe.num_targets  # else factors are added
    return {
        "covariates": told is not None,
        "ratio_targets": [are and plain for are, plain in zip(beside.ratio_targets, is_plain, strict=False)],
        "num_known": len(beside.known),
        "category_sizes": beside.sizes[:num_categories],
        "num_known_categories": beside.num_known,
        "num_static": len(beside.static),
        "static_sizes": beside.sizes[num_categories:],
    }
