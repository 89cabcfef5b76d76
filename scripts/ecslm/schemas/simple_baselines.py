"""Schema of `results/{study}/simple_baselines/{task}.json`, which tables and tests read."""

from pydantic import Field

from ecslm.schemas.settings import Closed


class SimpleBaselines(Closed):
    """The scores of a task's simple baselines on records that are not for tests."""

    task: str
    metric: str = Field(description="The task's metric, or what stands in for BERTScore.")
    n: int = Field(description="Records that were answered.")
    scores: dict[str, float] = Field(
        min_length=1, description="By the names of rows: trivial baselines, then learned ones."
    )
    best: str = Field(description="The one with the highest score; of several, the first.")
