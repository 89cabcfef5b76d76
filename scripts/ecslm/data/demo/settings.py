"""Settings of the demo data."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ecslm.schemas.settings import Closed

TaskCode = Literal["AVE", "PRP", "PM", "SA", "SR", "MPC", "PSI", "QPR", "AP", "AG"]
Count = Annotated[int, Field(ge=1)]


class Sizes(Closed):
    """Records of a task in each split, under each setting."""

    train: Count = Field(48, description="Training records.")
    val: Count = Field(8, description="Validation records.")
    test_ind: Count = Field(24, description="In-domain test records.")
    test_ood: Count = Field(16, description="Out-of-domain test records, for tasks that have any.")


class SizeOverride(Closed):
    """Sizes of one task that differ from the common ones; null keeps the common size."""

    train: Count | None = Field(None, description="Training records.")
    val: Count | None = Field(None, description="Validation records.")
    test_ind: Count | None = Field(None, description="In-domain test records.")
    test_ood: Count | None = Field(None, description="Out-of-domain test records.")


class DemoSettings(Sizes):
    """Everything that affects the demo data, except code. Sizes are per task."""

    seed: int = Field(1, description="Seed of all random choices.")
    catalogue: Path = Field(
        Path("resources/demo/catalogue.yaml"),
        description="YAML file of the invented products.",
        exclude=True,
    )
    instructions: Path = Field(
        Path("resources/demo/instructions.yaml"),
        description="YAML file with six instructions per task.",
        exclude=True,
    )
    tasks: dict[TaskCode, SizeOverride] = Field(
        {}, description="Sizes of single tasks that differ from the common ones, by task code."
    )

    def size(self, code: str, size: str) -> int:
        """The number of records of a task; `size` is a field of `Sizes`."""
        override = {str(task): sizes for task, sizes in self.tasks.items()}.get(code)
        own: int | None = getattr(override, size, None)
        common: int = getattr(self, size)
        return common if own is None else own
