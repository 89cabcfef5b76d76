"""The jobs that render tables, and what tables need to know of the study."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.data.published import COUNTS
from ecslm.plan.comparisons import contrasts
from ecslm.plan.keys import OfTable
from ecslm.plan.rules import Files, Rule, named
from ecslm.plan.source import Source
from ecslm.plan.study import Study
from ecslm.schemas import paths
from ecslm.schemas.paths import ARCHITECTURES, PUBLISHED
from ecslm.scoring.metrics.protocol import metric
from ecslm.tables.published import Published
from ecslm.tables.requests import TableRequest, metric_files, other_files, table_request
from ecslm.tables.settings import (
    AdapterContext,
    DataContext,
    ModelContext,
    ParametersEntry,
    ResultsEntry,
    TableContext,
    TaskContext,
)

KINDS = (
    *("parameters", "dataset", "results", "instructions", "comparisons"),
    *("validity", "reproduction"),
)


class RenderTable(Rule[OfTable]):
    """A table as LaTeX, with its JSON twin."""

    name, script, key = "render_table", "render_table.py", OfTable
    outputs = named(tex=paths.TABLE, json=paths.TABLE_JSON, manifest=paths.TABLE_MANIFEST)
    targets = ("tex",)

    def each(self) -> Iterator[OfTable]:
        """All tables of the study."""
        yield from map(OfTable, self.study.settings.tables)

    def inputs(self, of: OfTable) -> Mapping[str, Files]:
        """Results of the study, the template and the resources of the table's kind."""
        request = self.settings(of)
        files = [*metric_files(request), *other_files(request)]
        return {
            "results": tuple(f"{self.study.results}/{path}" for path in files),
            "template": f"{paths.REPORT_TEMPLATES}/{self._kind(of)}.tex.jinja",
            "resources": tuple(self.resources(of).values()),
        }

    def settings(self, of: OfTable) -> TableRequest:
        """The table's entry, with the part of the study that it shows."""
        return table_request(self.study.settings.tables[of.table], self._context)

    def modules(self, of: OfTable) -> tuple[str, ...]:
        """The builder of the table's kind."""
        return (f"ecslm.tables.kinds.{self._kind(of)}",)

    def resources(self, of: OfTable) -> dict[str, str]:
        """Files of the repository that the kind reads, by the option of the script."""
        match self._kind(of):
            case "parameters":
                files = {
                    "published": str(PUBLISHED / "parameters.csv"),
                    "architectures": str(ARCHITECTURES),
                }
            case "dataset":
                files = {"published": str(COUNTS)}
            case "reproduction":
                files = {
                    "published": str(PUBLISHED / "study.csv"),
                    "notes": str(PUBLISHED / "notes.csv"),
                }
            case "results":
                files = {"published": str(PUBLISHED / "study.csv")}
            case _:
                files = {}
        return files

    def resource_options(self, table: str) -> str:
        """Those files as options on the script's command line."""
        files = self.resources(OfTable(table))
        return " ".join(f"--{option} {path}" for option, path in files.items())

    def check(self) -> None:
        """Look up what tables take from files of the repository, before anything runs.

        Raises:
            InputError: a published row or an architecture that a table names is not there.
        """
        published = Published(PUBLISHED / "study.csv")
        architectures = {
            name
            for row in read_csv(ARCHITECTURES, ("model", "hub_id"))
            for name in (row["model"], row["hub_id"])
        }
        problems = []
        for name, entry in self.study.settings.tables.items():
            where = f"studies.{self.study.name}.tables.{name}"
            if isinstance(entry, ResultsEntry):
                problems += [
                    f"{where}.rows: {row} is not in table {entry.published_table} of "
                    f"{PUBLISHED / 'study.csv'}"
                    for group in entry.rows
                    for row in group.published
                    if not published.has(str(entry.published_table), row)
                ]
            elif isinstance(entry, ParametersEntry):
                adapters = self.settings(OfTable(name)).context.adapters
                problems += [
                    f"{where}.models: {model}: {adapter.architecture} is not in {ARCHITECTURES}: "
                    "add it there, or name its row in the study's `architectures`"
                    for model, adapter in adapters.items()
                    if adapter.architecture not in architectures
                ]
        if problems:
            raise InputError(*problems)

    def _kind(self, of: OfTable) -> str:
        return self.study.settings.tables[of.table].kind

    @cached_property
    def _context(self) -> TableContext:
        return table_context(self.study)


def in_report_order(study: Study) -> tuple[str, ...]:
    """The tables by kind and name: never as the configuration has them, whose order of keys must
    not matter."""
    tables = study.settings.tables
    return tuple(sorted(tables, key=lambda name: (KINDS.index(tables[name].kind), name)))


def table_context(study: Study) -> TableContext:
    """All that tables may need to know of a study."""
    settings = study.settings
    return TableContext(
        data=DataContext(source=Source(study).title(), comparable=settings.published_comparable),
        tasks={
            code: TaskContext(
                title=study.task(code).title,
                metric=metric(study.task(code).metric).NAME,
                answer=study.task(code).answer,
                train=study.task(code).train,
                test=study.task(code).test,
            )
            for code in settings.tasks
        },
        models={
            name: ModelContext(seeds=model.seeds, tasks=study.test_tasks, shots=model.shots)
            for name, model in settings.models.items()
        },
        baselines={name: study.baseline_tasks(name) for name in settings.baselines},
        adapters={
            name: AdapterContext(
                architecture=settings.architectures.get(model.base, model.base),
                rank=model.training.rank,
                target_modules=model.training.target_modules,
            )
            for name, model in settings.models.items()
            if model.training is not None
        },
        contrasts={name: one.title or name for name, one in contrasts(study).items()},
    )


RULES = (RenderTable,)
