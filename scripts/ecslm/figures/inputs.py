"""The files that figures are drawn from, and what models read and write for an answer; without the
libraries that draw."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.validation import read_model
from ecslm.figures.scores import scores_files
from ecslm.figures.settings import FiguresSettings
from ecslm.schemas.cost import CostFile
from ecslm.schemas.paths import ADAPTER, PREDICTIONS_COST, PREDICTIONS_MANIFEST


def input_files(settings: FiguresSettings) -> list[str]:
    """The files that figures are made from, relative to the study's results directory.

    The manifests next to costs and logs stand for these: they have clock values, by whose digest no
    figure shall be known.
    """
    tokens = [
        path
        for model, of_model in settings.context.models.items()
        if settings.models[model].multiplied is not None
        for task in of_model.tasks
        for path in _prediction_files(PREDICTIONS_MANIFEST, settings, model, task)
    ]
    adapters = [
        ADAPTER.format(model=model, seed=seed)
        for model, seeds in settings.trained.items()
        for seed in seeds
    ]
    return [*scores_files(settings), *tokens, *adapters]


@dataclass(frozen=True)
class TokensPerAnswer:
    """Reads the costs of predictions."""

    results: Path
    settings: FiguresSettings

    def __call__(self, model: str, task: str) -> float | None:
        """Mean tokens of a prompt and its answer, over all seeds and settings; None if unknown.

        Raises:
            InputError: a file is missing or broken.
        """
        spent = [
            read_model(self.results / path, CostFile)
            for path in _prediction_files(PREDICTIONS_COST, self.settings, model, task)
        ]
        answers = sum(one.prompts or 0 for one in spent)
        counts = [count for one in spent for count in (one.prompt_tokens, one.generated_tokens)]
        known = [count for count in counts if count is not None]
        if not answers or len(known) < len(counts):
            return None
        return sum(known) / answers


def _prediction_files(
    pattern: str, settings: FiguresSettings, model: str, task: str
) -> Iterator[str]:
    for seed in settings.context.models[model].seeds:
        yield pattern.format(model=model, seed=seed, task=task)
