"""Settings of tables: the entries of `tables:` in config.yaml and the study's context."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ecslm.schemas.task import Answer, answered_setting


class Closed(BaseModel):
    """A model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rows(Closed):
    """A group of rows of a results table: models, trivial baselines, or published rows."""

    group: str = Field(description="Title above the rows.")
    models: tuple[str, ...] = Field((), description="The study's models.")
    baselines: tuple[str, ...] = Field((), description="Trivial baselines.")
    published: tuple[str, ...] = Field((), description="Rows of the published results.")
    followed_by_published: bool = Field(
        False, description="Whether each model's row is followed by its published row."
    )

    @model_validator(mode="after")
    def _one_sort(self) -> "Rows":
        if sum(map(bool, (self.models, self.baselines, self.published))) != 1:
            raise ValueError("give exactly one of models, baselines and published")
        if self.followed_by_published and not self.models:
            raise ValueError("followed_by_published needs models")
        return self


class Entry(Closed):
    """What every table has."""

    caption: str = Field(description="Caption, plain text.")
    label: str = Field(
        pattern=r"^[A-Za-z0-9:._-]+$", description="LaTeX label, for example `tab:ind`."
    )


class ParametersEntry(Entry):
    """Total and trainable parameters."""

    kind: Literal["parameters"]
    models: tuple[str, ...] = Field(min_length=1, description="Tuned models, in order.")


class DatasetColumn(Closed):
    """A column of the dataset table."""

    title: str = Field(description="Head of the column.")
    split: Literal["train", "val", "test"] = Field(description="Split whose records are counted.")
    setting: str = Field(description="Setting whose records are counted.")


class DatasetEntry(Entry):
    """Records per task, label shares, token lengths."""

    kind: Literal["dataset"]
    tasks: tuple[str, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    columns: tuple[DatasetColumn, ...] = Field(min_length=1, description="Splits and settings.")


class ScoresEntry(Entry):
    """What every table of headline scores has."""

    spread: Literal["interval", "sd"] = Field(
        "interval",
        description="What stands below a value: its 95 % interval over records, which with several "
        "seeds is that of their mean; or the standard deviation over seeds, where there are "
        "several.",
    )


class ResultsEntry(ScoresEntry):
    """Scores of one setting, all rows beside each other."""

    kind: Literal["results"]
    setting: str = Field(description="Evaluation setting.")
    published_table: str | None = Field(
        None, description="Which published table the published rows come from, for example `IND`."
    )
    columns: tuple[str, ...] = Field(min_length=1, description="Task codes, in order.")
    rows: tuple[Rows, ...] = Field(min_length=1, description="Groups of rows, in order.")
    competitors: tuple[str, ...] = Field(
        (), description="Rows among which the best and the second of a column are marked."
    )
    reproduces: dict[str, str] = Field(
        {}, description="Published row of a model, where its name differs from the model's."
    )

    @model_validator(mode="after")
    def _names(self) -> "ResultsEntry":
        names = self.row_names()
        problems = [f"competitors: {name} is not a row" for name in set(self.competitors) - names]
        if self.published_table is None and self.needs_published():
            problems.append("published_table: needed, since rows name published results")
        if problems:
            raise ValueError("; ".join(sorted(problems)))
        return self

    def needs_published(self) -> bool:
        """Whether any row is a published one."""
        return any(group.published or group.followed_by_published for group in self.rows)

    def row_names(self) -> set[str]:
        """The names of all rows that the table can have."""
        names: set[str] = set()
        for group in self.rows:
            names |= {*group.models, *group.baselines, *group.published}
            if group.followed_by_published:
                names |= {
                    published_name(self.reproduces.get(model, model)) for model in group.models
                }
        return names


class ValidityEntry(Entry):
    """Invalid and truncated answers, strict and lenient score."""

    kind: Literal["validity"]
    settings: tuple[str, ...] = Field(min_length=1, description="Evaluation settings, in order.")
    columns: tuple[str, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[str, ...] = Field(min_length=1, description="Models, in order.")


class InstructionsColumn(Closed):
    """A column of the instructions table."""

    title: str = Field(description="Head of the column; what the data says stands below it.")
    setting: str = Field(description="Evaluation setting.")


class InstructionsEntry(ScoresEntry):
    """Scores under several instructions of the same samples."""

    kind: Literal["instructions"]
    tasks: tuple[str, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    columns: tuple[InstructionsColumn, ...] = Field(
        min_length=2, description="Evaluation settings, in order."
    )
    models: tuple[str, ...] = Field(min_length=1, description="Panels: models, in order.")
    contrast: str | None = Field(
        None, description="Contrast of settings whose differences stand beside the scores."
    )


class ComparisonsEntry(Entry):
    """Differences between the study's own scores, with intervals and p-values."""

    kind: Literal["comparisons"]
    contrasts: tuple[str, ...] = Field(min_length=1, description="Contrasts, in order.")
    columns: tuple[str, ...] = Field(min_length=1, description="Task codes, in order.")


class ReproductionEntry(Entry):
    """Published values beside ours, cell by cell."""

    kind: Literal["reproduction"]
    settings: dict[str, str] = Field(
        min_length=1, description="Published table of each setting, for example `IND`."
    )
    columns: tuple[str, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[str, ...] = Field(min_length=1, description="Models, in order.")
    reproduces: dict[str, str] = Field(
        {}, description="Published row of a model, where its name differs from the model's."
    )


TableSettings = Annotated[
    ParametersEntry
    | DatasetEntry
    | ResultsEntry
    | InstructionsEntry
    | ValidityEntry
    | ComparisonsEntry
    | ReproductionEntry,
    Field(discriminator="kind"),
]


def published_name(model: str) -> str:
    """Name of the published row that follows a model's own."""
    return f"{model} (published)"


class TaskContext(Closed):
    """What a table needs to know of a task."""

    title: str = Field(description="Name in prose.")
    metric: str = Field(description="Display name of the headline metric, for example `F1*`.")
    answer: Answer = Field(description="Type of the answer.")
    train: bool = Field(True, description="Whether train and val files exist.")
    test: bool = Field(True, description="Whether a test file exists.")


class ModelContext(Closed):
    """What a table needs to know of a model."""

    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which results exist.")
    shots: int = Field(0, description="Examples in the prompt.")

    def setting(self, name: str) -> str:
        """The setting of the data in which the model answers the samples of setting `name`."""
        return answered_setting(name, self.shots)

    def of_tasks(self, tasks: Collection[str]) -> "ModelContext":
        """The same without the results of other tasks."""
        return self.model_copy(
            update={"tasks": tuple(task for task in self.tasks if task in tasks)}
        )


class AdapterContext(Closed):
    """What decides the number of parameters of a tuned model."""

    architecture: str = Field(description="Row of architectures.csv: its `model` or `hub_id`.")
    rank: int = Field(ge=1, description="Rank of the adapter matrices.")
    target_modules: tuple[str, ...] = Field(min_length=1, description="Adapted module names.")


class DataContext(Closed):
    """Where the records come from."""

    source: str = Field(description="Data source and revision, as notes print it.")
    comparable: bool = Field(
        description="Whether it is the data that the published numbers were measured on."
    )


class TableContext(Closed):
    """The study's facts that tables show; each kind needs a part of them (see `requests`)."""

    data: DataContext | None = None
    tasks: dict[str, TaskContext] = {}
    models: dict[str, ModelContext] = {}
    baselines: dict[str, tuple[str, ...]] = Field(
        {}, description="Trivial baselines and the tasks that each is defined for."
    )
    adapters: dict[str, AdapterContext] = {}
    contrasts: dict[str, str] = Field({}, description="Title of each contrast.")
