"""Settings of tables: what entries of `tables:` in config.yaml share, and the study's context."""

from collections.abc import Collection, Iterable
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.cost import Prices
from ecslm.schemas.paths import comparison_path, leakage_path
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer, answered_setting
from ecslm.tables.model import IntervalsPlace, Layout, Panel, Table

# Libraries whose versions can change a table.
LIBRARIES = ("Jinja2",)


class Entry(Closed):
    """Fields of every table. A field that names a part of the study has a type of `references`."""

    # Whether the table depends on the study's data.
    SHOWS_DATA: ClassVar[bool] = True
    # Whether models are judged by the best simple baseline.
    JUDGES: ClassVar[bool] = False
    # What it shows of a model: fields of its context.
    OF_MODELS: ClassVar[tuple[str, ...]] = ("seeds", "tasks", "shots", "limits", "learned")

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

    def table(
        self,
        name: str,
        panels: Iterable[Panel],
        notes: Iterable[str],
        summary: Iterable[str] = (),
    ) -> Table:
        """The table of this entry."""
        return Table(
            name=name,
            kind=self.kind,
            caption=self.caption,
            label=self.label,
            panels=tuple(panels),
            notes=tuple(notes),
            summary=tuple(summary),
            layout=self.layout,
        )


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


class AdapterContext(Closed):
    """What determines the number of parameters of a tuned model."""

    architecture: str = Field(description="Row of architectures.csv: its `model` or `hub_id`.")
    rank: int = Field(ge=1, description="Rank of the adapter matrices.")
    target_modules: tuple[str, ...] = Field(min_length=1, description="Adapted module names.")


class ModelContext(Closed):
    """What a table or a figure needs to know about a model; the rest has its default."""

    seeds: tuple[int, ...] = Field((0,), min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field((), description="Tasks of which results exist.")
    shots: int = Field(0, description="Examples in the prompt.")
    limits: str | None = Field(None, description="How its answers are limited, if not free.")
    learned: bool = Field(False, description="Whether it is a learned baseline.")
    local: bool = Field(False, description="Whether it runs here, on hardware with a price.")
    adapter_of: str | None = Field(
        None, description="Model whose adapters of the same seeds it uses: itself if it is tuned."
    )
    adapter: AdapterContext | None = Field(None, description="Those adapters.")
    prices: Prices | None = Field(None, description="Of the server that it runs on.")
    family: str = Field("", description="Models of one family, those of one base, share a colour.")
    parameters: int | None = Field(
        None, description="Parameters of its base, null if its architecture is not known."
    )
    multiplied: int | None = Field(
        None, description="Of these, the weights that each token is multiplied with."
    )
    trained: tuple[int, ...] = Field((), description="Seeds of the adapters that are its own.")
    records_of: str | None = Field(
        None, description="Of a learned baseline: a model that was tuned on the same records."
    )

    @property
    def tuned(self) -> bool:
        """Whether it answers with an adapter."""
        return self.adapter_of is not None

    def setting(self, name: str) -> str:
        """The setting of the data in which the model answers the samples of setting `name`."""
        return answered_setting(name, self.shots)

    def shown(self, fields: Iterable[str], tasks: Collection[str] | None = None) -> "ModelContext":
        """A copy with only these fields, and the results of these tasks or of all."""
        known = {field: getattr(self, field) for field in fields}
        if tasks is not None and "tasks" in known:
            known["tasks"] = only(self.tasks, tasks)
        return ModelContext(**known)


class DataContext(Closed):
    """The source of the records."""

    source: str = Field("", description="Data source and revision, as printed in notes.")
    comparable: bool = Field(
        False, description="Whether the published numbers were measured on these data."
    )


class ContrastContext(Closed):
    """What a table needs to know about a contrast."""

    title: str = Field(description="Title above its rows.")
    tasks: tuple[str, ...] = Field(description="Tasks in which it compares something.")


class TableContext(Closed):
    """Facts of a study that tables show; a request has those that its table needs."""

    data: DataContext = DataContext()
    tasks: dict[str, TaskContext] = Field({}, description="Tasks by code.")
    models: dict[str, ModelContext] = Field({}, description="Models by name.")
    baselines: dict[str, tuple[str, ...]] = Field(
        {}, description="Trivial baselines and the tasks that each is defined for."
    )
    contrasts: dict[str, ContrastContext] = Field({}, description="Contrasts by name.")
    simple: dict[str, tuple[str, ...]] = Field(
        {},
        description="Trivial and learned baselines by task, of which one was chosen as the best.",
    )
    setting_titles: dict[str, str] = Field(
        {}, description="Titles of evaluation settings; one without a title is shown by its name."
    )

    def setting_title(self, name: str) -> str:
        """How a setting is shown."""
        return self.setting_titles.get(name, name)

    def comparison_files(self) -> dict[str, str]:
        """The comparisons of each task in which a contrast compares something, relative to the
        study's results directory."""
        compared = {task for contrast in self.contrasts.values() for task in contrast.tasks}
        return {task: comparison_path(task) for task in self.tasks if task in compared}

    def leakage_files(self) -> dict[str, str]:
        """The reports on the overlap of test records with training, of the tasks that have both,
        likewise."""
        return {
            name: leakage_path(name)
            for name, task in self.tasks.items()
            if task.test and task.train
        }


def only(names: Iterable[str], wanted: Collection[str]) -> tuple[str, ...]:
    """Those of the names that are wanted."""
    return tuple(name for name in names if name in wanted)
