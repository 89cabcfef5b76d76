"""Settings of scoring: how tasks are scored, and intervals and BERTScores computed; and the
rescaling baselines that the package bert-score carries, read without torch."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Metric, TaskKind, registered_kind

Resamples = Annotated[int, Field(ge=1, description="Bootstrap resamples of an interval.")]
Seed = Annotated[int, Field(ge=0, description="Seed of the bootstrap.")]


def metric_module(metric: str) -> str:
    """The full name of a metric's module."""
    return f"ecslm.scoring.metrics.{metric}"


class ScoringSettings(Closed):
    """The study's `scoring`."""

    resamples: Resamples = 10_000
    seed: Seed = 0


class ScriptSettings(JobSettings):
    """The value of `--settings` of the score scripts; `task` defaults to the registry's entry."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("numpy",)

    task: TaskKind | None = None
    scoring: ScoringSettings = ScoringSettings()

    def kind_of(self, code: str) -> TaskKind:
        """How task `code` is scored."""
        return self.task or registered_kind(code)

    def modules(self) -> tuple[str, ...]:
        """That of the task's metric; none of a task that is only known from the registry."""
        return () if self.task is None else (metric_module(self.task.metric),)


class OverSeedsSettings(JobSettings):
    """The value of `--settings` of the script that scores over seeds."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("numpy",)

    metric: Metric
    """The task's headline metric."""
    scoring: ScoringSettings = ScoringSettings()

    def modules(self) -> tuple[str, ...]:
        """That of the metric."""
        return (metric_module(self.metric),)


class BertScoreSettings(JobSettings):
    """The defaults are those of the published study, for roberta-large."""

    LIBRARIES: ClassVar[tuple[str, ...]] = (
        *("torch", "transformers", "tokenizers", "safetensors", "bert-score"),
    )

    layer: int = Field(17, ge=1)
    """Encoder layer whose embeddings are matched."""
    # It is the name of a folder of bert-score.
    rescale_language: Annotated[str, Field(pattern="^[a-z]{2}(-[a-z]+)?$")] | None = "en"
    """Language of bert-score's own rescaling baseline, for encoders that have one; null: no
    rescaled scores."""


def rescaling_baseline(encoder: str, language: str) -> dict[int, float]:
    """Baseline F1 of an encoder by layer (Zhang et al. 2020, appendix); empty if there is none."""
    spec = find_spec("bert_score")
    assert spec is not None and spec.origin is not None, "installed with this project"
    path = Path(spec.origin).with_name("rescale_baseline") / language / f"{encoder}.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")[1:] if path.is_file() else []
    table = [line.split(",") for line in lines if line]
    return {int(layer): float(f1) for layer, _precision, _recall, f1 in table}


def rescaling_problem(encoder: str, layer: int, language: str) -> str | None:
    """Why scores cannot be rescaled; None if they can be."""
    if layer in rescaling_baseline(encoder, language):
        return None
    return (
        f"no rescaling baseline for layer {layer} of {encoder} in {language}: "
        "set `rescale_language: null`"
    )
