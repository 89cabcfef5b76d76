"""The jobs that render tables, and what tables need to know about the study."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

from ecslm.common.errors import InputError
from ecslm.config.backends.openai import OpenAIModel
from ecslm.plan.keys import TableKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.plan.source import source_of
from ecslm.plan.stages.comparisons import contrast_tasks, contrasts
from ecslm.plan.study import Study
from ecslm.plan.study_tables import study_tables
from ecslm.schemas import paths
from ecslm.scoring.metrics.protocol import metric
from ecslm.tables.kind import Kind, kind_module, table_kind
from ecslm.tables.requests import TableRequest, table_request
from ecslm.tables.settings import (
    LIBRARIES,
    AdapterContext,
    ContrastContext,
    CostContext,
    DataContext,
    Entry,
    ModelContext,
    TableContext,
    TaskContext,
)


class RenderTable(Rule[TableKey]):
    """A table as LaTeX, with its JSON twin."""

    name, script, key_type = "render_table", "render_table.py", TableKey
    outputs = path_patterns(
        tex=paths.TABLE,
        tabular=paths.TABULAR,
        json=paths.TABLE_JSON,
        manifest=paths.TABLE_MANIFEST,
    )
    libraries = LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[TableKey]:
        """All tables of the study."""
        yield from map(TableKey, study_tables(self.study))

    def inputs(self, key: TableKey) -> Mapping[str, Files]:
        """Results of the study, the templates, and the resources of the table's kind."""
        files = self._kind(key).files(self.settings(key))
        return {
            "results": tuple(f"{self.study.results}/{path}" for path in files),
            "template": f"{paths.REPORT_TEMPLATES}/{self._entry(key).kind}.tex.jinja",
            "float_template": f"{paths.REPORT_TEMPLATES}/float.tex.jinja",
            "resources": tuple(self.resources(key).values()),
        }

    def settings(self, key: TableKey) -> TableRequest[Any]:
        """The table's entry, with the part of the study that it shows."""
        return table_request(self._entry(key), self._context)

    def modules(self, key: TableKey) -> tuple[str, ...]:
        """The module of the table's kind."""
        return (kind_module(self._entry(key).kind),)

    def resources(self, key: TableKey) -> dict[str, str]:
        """Files that the kind reads besides results, by the option of the script."""
        found = {option: self._resource(path) for option, path in self._kind(key).resources.items()}
        return {option: path for option, path in found.items() if path is not None}

    def _resource(self, path: Path) -> str | None:
        published = path.is_relative_to(paths.PUBLISHED)
        return self.study.published(path) if published else str(path)

    def resource_options(self, table: str) -> str:
        """The files of `resources` as options on the script's command line."""
        files = self.resources(TableKey(table))
        return " ".join(f"--{option} {quote(path)}" for option, path in files.items())

    def check(self) -> None:
        """Check the names that tables look up in files of the repository, before anything runs.

        Raises:
            InputError: a published row or an architecture that a table names is missing, or there
                are no published scores.
        """
        self.study.require_published_scores()
        problems = []
        for key in map(TableKey, study_tables(self.study)):
            kind = self._kind(key)
            where = f"studies.{self.study.name}.tables.{key.table}"
            files = {option: Path(path) for option, path in self.resources(key).items()}
            found = kind.problems(self.settings(key), files)
            problems += [f"{where}.{problem}" for problem in found]
        if problems:
            raise InputError(*problems)

    def _entry(self, key: TableKey) -> Entry:
        return study_tables(self.study)[key.table]

    def _kind(self, key: TableKey) -> Kind[Any]:
        return table_kind(self._entry(key).kind)

    @cached_property
    def _context(self) -> TableContext:
        return table_context(self.study)


def in_report_order(study: Study) -> tuple[str, ...]:
    """The tables, sorted by their kind's place and by name, since the order of keys in the
    configuration must not matter."""
    tables = study_tables(study)
    places = {name: table_kind(entry.kind).place for name, entry in tables.items()}
    return tuple(sorted(tables, key=lambda name: (places[name], name)))


def table_context(study: Study) -> TableContext:
    """Everything that tables may need to know about a study."""
    settings = study.settings
    adapters = {
        name: AdapterContext(
            architecture=settings.architectures.get(model.base, model.base),
            rank=model.training.rank,
            target_modules=model.training.target_modules,
        )
        for name, model in study.local_models.items()
        if model.training is not None
    }
    return TableContext(
        data=DataContext(source=source_of(study).title(), comparable=settings.published_comparable),
        tasks={
            code: TaskContext(
                title=study.task(code).title,
                metric=metric(study.task(code).metric).NAME,
                proportion=metric(study.task(code).metric).PROPORTION,
                answer=study.task(code).answer,
                train=study.task(code).train,
                test=study.task(code).test,
            )
            for code in settings.tasks
        },
        models={
            name: ModelContext(
                seeds=model.seeds,
                tasks=study.model_tasks(name),
                shots=model.shots,
                limits=model.limits(),
                learned=model.LEARNS,
            )
            for name, model in settings.models.items()
        },
        baselines={name: study.baseline_tasks(name) for name in settings.baselines},
        adapters=adapters,
        costs={
            name: CostContext(
                local=name in study.local_models or model.LEARNS,
                learned=model.LEARNS,
                seeds=model.seeds,
                tasks=study.model_tasks(name),
                adapter_of=model.adapter_name(name),
                adapter=adapters.get(model.adapter_name(name) or ""),
                prices=model.access.prices if isinstance(model, OpenAIModel) else None,
            )
            for name, model in settings.models.items()
        },
        contrasts={
            name: ContrastContext(title=one.title or name, tasks=contrast_tasks(study, name))
            for name, one in contrasts(study).items()
        },
        simple={
            task: tuple(sorted(names))
            for task in study.test_tasks
            if (names := study.simple_baselines(task))
        },
        setting_titles={
            name: study.config.setting_titles[name]
            for name in settings.settings
            if name in study.config.setting_titles
        },
    )


RULES = (RenderTable,)
