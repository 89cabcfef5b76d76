"""The scores of a study as tidy rows: the form of `scores.csv` and `scores.parquet`.

The order of fields here is that of the columns, which docs/results.md documents and users rely on.
"""

from typing import Literal

from pydantic import Field

from ecslm.schemas.metrics_file import Protocol
from ecslm.schemas.paths import ADAPTER, PREDICTIONS, metric_path
from ecslm.schemas.settings import Closed

# Libraries whose versions can change the files.
LIBRARIES = ("pandas", "pyarrow")

ModelKind = Literal["tuned", "untuned", "openai", "recorded", "learned", "baseline"]


class ScoreRow(Closed):
    """The score of one model, seed, task and setting under one protocol."""

    study: str
    model: str = Field(description="Name of the model or of the trivial baseline.")
    kind: ModelKind = Field(description="What the model is; of those without weights, the backend.")
    base: str | None = Field(description="Its base weights, if they run here.")
    seed: int
    task: str
    setting: str
    metric: str = Field(description="Display name of the metric.")
    protocol: Protocol | Literal["lenient"]
    value: float | None = Field(description="Null if it is not defined.")
    low: float | None = Field(description="Lower end of the 95 % interval; strict alone has one.")
    high: float | None = Field(description="Upper end of the interval.")
    interval_method: str | None
    interval_reliable: bool | None = Field(description="False if it may be too narrow.")
    n: int = Field(description="Records.")
    invalid: int | None = Field(
        description="Answers that the protocol cannot read; null where a scorer does not tell them."
    )
    truncated: int | None = Field(description="Answers cut off at the token limit.")
    prompt_tokens: int | None = Field(description="Of all prompts.")
    generated_tokens: int | None = Field(description="Of all answers.")
    training_records: int | None = Field(description="Records that its adapter was trained on.")
    training_tokens: int | None = Field(description="Their tokens, prompts included, in one epoch.")


class ScoredModel(Closed):
    """A model, by what identifies its files."""

    kind: ModelKind
    base: str | None = Field(description="Name of its base; null if it has none.")
    adapter: str | None = Field(description="The model whose adapters it uses; null if none.")
    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which results exist.")


class ScoreRowsSettings(Closed):
    """Everything except files that can change the rows."""

    study: str = Field(description="Name of the study.")
    models: dict[str, ScoredModel] = Field(description="Models by name.")
    baselines: dict[str, tuple[str, ...]] = Field(
        {}, description="Trivial baselines and the tasks that each is defined for."
    )


def score_files(settings: ScoreRowsSettings) -> list[str]:
    """The files that the rows are read from, relative to the study's results directory."""
    found = []
    for name, model in settings.models.items():
        for seed in model.seeds:
            if model.adapter is not None:
                found.append(ADAPTER.format(model=model.adapter, seed=seed))
            for task in model.tasks:
                found.append(metric_path(name, seed, task))
                found.append(PREDICTIONS.format(model=name, seed=seed, task=task))
    for name, tasks in settings.baselines.items():
        found += [metric_path(name, 0, task) for task in tasks]
    return sorted(set(found))
