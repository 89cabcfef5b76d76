"""The study, as tidy tables and all that is printed know it: the same for each of them."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from ecslm.schemas.cost import Prices
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Metric, answered_setting


class TaskContext(Closed):
    """What a table needs to know about a task."""

    title: str = ""
    """Name in prose."""
    metric: str
    """Display name of the headline metric, for example `F1*`."""
    measure: Metric
    """The metric itself."""
    proportion: bool = False
    """Whether it is a share of right answers."""


class ModelContext(Closed):
    """What a table or a figure needs to know about a model."""

    kind: str = "untuned"
    """`tuned`, `untuned`, or the backend of a model whose weights do not run here."""
    base: str | None = None
    """Its base, if it has one."""
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    """Seeds of which results exist."""
    tasks: tuple[str, ...] = ()
    """Tasks of which results exist."""
    shots: int = 0
    """Examples in the prompt."""
    limits: str | None = None
    """How its answers are limited, if not free."""
    served: str | None = Field(None, exclude_if=lambda command: command is None)
    """The command of the server that its jobs start."""
    learned: bool = False
    """Whether it is a learned baseline."""
    local: bool = False
    """Whether it runs here, on hardware with a price."""
    adapter_of: str | None = None
    """Model whose adapters of the same seeds it uses: itself if it is tuned."""
    parameters: tuple[int, int] | None = None
    """Those of its base and of such an adapter, null if its architecture is not known."""
    prices: Prices | None = None
    """Of the server that it runs on."""
    family: str = ""
    """Models of one family, those of one base, share a colour."""
    multiplied: int | None = None
    """Weights of its base that each token is multiplied with, null if its architecture is not
    known."""
    trained: tuple[int, ...] = ()
    """Seeds of the adapters that are its own."""
    share: float | None = None
    """Of the training records: those that it, or its adapter, was trained on."""

    @property
    def tuned(self) -> bool:
        """Whether it answers with an adapter."""
        return self.adapter_of is not None

    @property
    def remarks(self) -> Iterator[str]:
        """How its answers are made, where that is not as in other rows."""
        if self.limits is not None:
            yield f"{self.limits}; by construction no answer is invalid."
        if self.served is not None:
            yield (
                f"answered by `{self.served}`, which may decide near ties in another way than what "
                "computes the other rows."
            )

    def setting(self, name: str) -> str:
        """The setting of the data in which the model answers the samples of setting `name`."""
        return answered_setting(name, self.shots)


class DataContext(Closed):
    """The source of the records."""

    source: str = ""
    """Data source and revision, as printed in notes."""
    comparable: bool = False
    """Whether the published numbers were measured on these data."""

    @property
    def note(self) -> str:
        """The source, in the last note below a table."""
        return f"Data: {self.source}."


class StudyContext(Closed):
    """A study: its data, tasks and rows, whatever of them is shown."""

    data: DataContext = DataContext()
    tasks: dict[str, TaskContext] = {}
    """Tasks by code."""
    models: dict[str, ModelContext] = {}
    """Models by name."""
    baselines: dict[str, tuple[str, ...]] = {}
    """Trivial baselines and the tasks that each is defined for."""
    contrasts: dict[str, str] = {}
    """Titles of contrasts, by name."""
    simple: dict[str, tuple[str, ...]] = {}
    """Trivial and learned baselines by task, of which one was chosen as the best."""
    setting_titles: dict[str, str] = {}
    """Titles of evaluation settings; one without a title is shown by its name."""

    @property
    def rows(self) -> Iterator[tuple[str, ModelContext]]:
        """Models and trivial baselines, each sorted by name."""
        yield from sorted(self.models.items())
        for name, tasks in sorted(self.baselines.items()):
            yield name, ModelContext(kind="baseline", tasks=tasks)

    @property
    def answers(self) -> Iterator[dict[str, Any]]:
        """Model, seed and task of all answers that models give."""
        for name, model in sorted(self.models.items()):
            for seed in model.seeds:
                yield from ({"model": name, "seed": seed, "task": task} for task in model.tasks)

    @property
    def adapters(self) -> list[dict[str, Any]]:
        """Model and seed of all adapters by which models answer."""
        models = (one for one in self.models.values() if one.tasks)
        used = {(one.adapter_of or "", seed) for one in models if one.tuned for seed in one.seeds}
        return [{"model": name, "seed": seed} for name, seed in sorted(used)]

    def part(self, **parts: Any) -> "StudyContext":
        """What a job needs of it: a title that is not drawn, for example, changes no figure."""
        return StudyContext.model_validate(self.model_dump(include=parts))

    def setting_title(self, name: str) -> str:
        """How a setting is shown."""
        return self.setting_titles.get(name, name)
