"""The files that figures are drawn from; without the libraries that draw."""

from ecslm.figures.scores import scores_files
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.tokens import tokens_files
from ecslm.schemas.paths import ADAPTER


def input_files(settings: FiguresSettings) -> list[str]:
    """The files that figures are made from, relative to the study's results directory."""
    adapters = [
        ADAPTER.format(model=model, seed=seed)
        for model, seeds in settings.trained.items()
        for seed in seeds
    ]
    return [*scores_files(settings), *tokens_files(settings), *adapters]
