"""Settings of tables: what entries of `tables:` in config.yaml share, and the study's context."""

from collections.abc import Collection
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.prices import Prices
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer, answered_setting
from ecslm.tables.model import IntervalsPlace, Layout

# Libraries whose versions can change a table.
LIBRARIES = ("Jinja2",)


class Entry(Closed):
    """Fields of every table. A field that names a part of the study has a type of `references`."""

    # Whether the table depends on the study's data.
    SHOWS_DATA: ClassVar[bool] = True
    # Whether models are judged by the best simple baseline.
    JUDGES: ClassVar[bool] = False

    caption: str = Field(description="Caption, plain text.")
    label: str = Field(
        pattern=r"^[A-Za-z0-9:._-]+$", description="LaTeX label, for example `tab:ind`."
    )
    wide: bool = Field(
        False, description="Whether it spans both columns of a two-column LaTeX document."
    )
    kind: str

    @property
    def layout(self) -> Layout:
        """How LaTeX sets the table."""
        return Layout(wide=self.wide)


class IntervalsEntry(Entry):
    """Fields of every table with intervals."""

    intervals: IntervalsPlace = Field(
        "below", description="Where intervals or standard deviations stand in LaTeX, if at all."
    )

    @property
    def layout(self) -> Layout:
        """How LaTeX sets the table."""
        return Layout(wide=self.wide, intervals=self.intervals)

    @property
    def explains_intervals(self) -> bool:
        """Whether notes on intervals are needed."""
        return self.intervals != "none"


class ScoresEntry(IntervalsEntry):
    """Fields of every table of headline scores."""

    spread: Literal["interval", "sd"] = Field(
        "interval",
        description="Shown with a value: its 95 % interval over records (with several seeds, of "
        "their mean), or its standard deviation over seeds, if there are several.",
    )

    @property
    def shows_intervals(self) -> bool:
        """Whether intervals are shown with the values."""
        return self.spread == "interval"


class TaskContext(Closed):
    """What a table needs to know about a task."""

    title: str = Field(description="Name in prose.")
    metric: str = Field(description="Display name of the headline metric, for example `F1*`.")
    answer: Answer = Field(description="Type of the answer.")
    proportion: bool = Field(False, description="Whether the metric is a share of right answers.")
    train: bool = Field(True, description="Whether train and val files exist.")
    test: bool = Field(True, description="Whether a test file exists.")


class ModelContext(Closed):
    """What a table needs to know about a model."""

    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which results exist.")
    shots: int = Field(0, description="Examples in the prompt.")
    limits: str | None = Field(None, description="How its answers are limited, if not free.")
    learned: bool = Field(False, description="Whether it is a learned baseline.")

    def setting(self, name: str) -> str:
        """The setting of the data in which the model answers the samples of setting `name`."""
        return answered_setting(name, self.shots)

    def of_tasks(self, tasks: Collection[str]) -> "ModelContext":
        """A copy with only the results of these tasks."""
        return self.model_copy(
            update={"tasks": tuple(task for task in self.tasks if task in tasks)}
        )


class AdapterContext(Closed):
    """What determines the number of parameters of a tuned model."""

    architecture: str = Field(description="Row of architectures.csv: its `model` or `hub_id`.")
    rank: int = Field(ge=1, description="Rank of the adapter matrices.")
    target_modules: tuple[str, ...] = Field(min_length=1, description="Adapted module names.")


class CostContext(Closed):
    """What a table needs to know of a model to say what it costs."""

    local: bool = Field(description="Whether it runs here, on hardware with a price.")
    learned: bool = Field(False, description="Whether it is a learned baseline.")
    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which results exist.")
    adapter_of: str | None = Field(
        None, description="Model whose adapters of the same seeds it uses: itself if it is tuned."
    )
    adapter: AdapterContext | None = Field(None, description="Those adapters.")
    prices: Prices | None = Field(None, description="Of the server that it runs on.")


class DataContext(Closed):
    """The source of the records."""

    source: str = Field(description="Data source and revision, as printed in notes.")
    comparable: bool = Field(
        description="Whether the published numbers were measured on these data."
    )


class ContrastContext(Closed):
    """What a table needs to know about a contrast."""

    title: str = Field(description="Title above its rows.")
    tasks: tuple[str, ...] = Field(description="Tasks in which it compares something.")

    def of_tasks(self, tasks: Collection[str]) -> "ContrastContext":
        """A copy with only these tasks."""
        return self.model_copy(
            update={"tasks": tuple(task for task in self.tasks if task in tasks)}
        )


class TableContext(Closed):
    """Facts of a study that tables show; a request has those that its table needs."""

    data: DataContext | None = None
    tasks: dict[str, TaskContext] = Field({}, description="Tasks by code.")
    models: dict[str, ModelContext] = Field({}, description="Models by name.")
    baselines: dict[str, tuple[str, ...]] = Field(
        {}, description="Trivial baselines and the tasks that each is defined for."
    )
    adapters: dict[str, AdapterContext] = Field({}, description="Tuned models by name.")
    costs: dict[str, CostContext] = Field({}, description="Models by name, with their costs.")
    contrasts: dict[str, ContrastContext] = Field({}, description="Contrasts by name.")
    simple: dict[str, tuple[str, ...]] = Field(
        {},
        description="By task, the trivial and learned baselines of which one was chosen as the best.",
    )
    setting_titles: dict[str, str] = Field(
        {}, description="Titles of evaluation settings; one without a title is shown by its name."
    )

    def setting_title(self, name: str) -> str:
        """How a setting is shown."""
        return self.setting_titles.get(name, name)
