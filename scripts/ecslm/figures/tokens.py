"""Tokens that models read and write for an answer, as their predictions took them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.validation import read_model
from ecslm.figures.settings import FiguresSettings
from ecslm.schemas import paths
from ecslm.schemas.cost import CostFile


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
            for path in _paths(paths.PREDICTIONS_COST, self.settings, model, task)
        ]
        answers = sum(one.prompts or 0 for one in spent)
        counts = [count for one in spent for count in (one.prompt_tokens, one.generated_tokens)]
        known = [count for count in counts if count is not None]
        if not answers or len(known) < len(counts):
            return None
        return sum(known) / answers


def tokens_files(settings: FiguresSettings) -> list[str]:
    """The manifests next to these costs, which stand for them as inputs: a cost has clock values,
    by whose digest no figure shall be known. Relative to the study's results directory."""
    return [
        path
        for model, of_model in settings.context.models.items()
        if settings.models[model].multiplied is not None
        for task in of_model.tasks
        for path in _paths(paths.PREDICTIONS_MANIFEST, settings, model, task)
    ]


def _paths(pattern: str, settings: FiguresSettings, model: str, task: str) -> Iterator[str]:
    for seed in settings.context.models[model].seeds:
        yield pattern.format(model=model, seed=seed, task=task)
