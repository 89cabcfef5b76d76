"""The part of a study's plan that draws: tables and reports, and the files that they read."""

from functools import cache
from pathlib import Path

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.common.versions import lock_versions
from ecslm.data.card.card import CardSettings, CardTask, card_files
from ecslm.data.published import COUNTS
from ecslm.data.settings import DemoData, HubData
from ecslm.plan.comparisons import ComparisonPlan
from ecslm.plan.parameters import code_parameter, json_parameter
from ecslm.plan.study import Plan
from ecslm.reports.run_summary import Pair, SummaryModel, SummarySettings
from ecslm.reports.settings import ReportModel, ReportSettings, ReportTask, base_names, report_files
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

PUBLISHED = Path("resources/published")
KINDS = (
    *("parameters", "dataset", "results", "instructions", "comparisons"),
    *("validity", "reproduction"),
)
# Those that the report names.
LIBRARIES = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")
ARCHITECTURES = Path("resources/architectures.csv")
# Template of the data card.
CARD = "report/data_card.md.jinja"


class ReportPlan:
    """Files and parameters of the jobs that draw."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def check_names(self) -> None:
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
        for name, entry in self._plan.study.tables.items():
            where = f"studies.{self._plan.config.study}.tables.{name}"
            if isinstance(entry, ResultsEntry):
                problems += [
                    f"{where}.rows: {row} is not in table {entry.published_table} of "
                    f"{PUBLISHED / 'study.csv'}"
                    for group in entry.rows
                    for row in group.published
                    if not published.has(str(entry.published_table), row)
                ]
            elif isinstance(entry, ParametersEntry):
                adapters = self._request(name).context.adapters
                problems += [
                    f"{where}.models: {model}: {adapter.architecture} is not in {ARCHITECTURES}: "
                    "add it there, or name its row in the study's `architectures`"
                    for model, adapter in adapters.items()
                    if adapter.architecture not in architectures
                ]
        if problems:
            raise InputError(*problems)

    def table(self, name: str, suffix: str = "tex") -> str:
        """Path of a table's LaTeX fragment, or of its JSON twin."""
        return f"{self._plan.results}/tables/{name}.{suffix}"

    def table_files(self) -> list[str]:
        """All LaTeX fragments."""
        return [self.table(name) for name in self._plan.study.tables]

    def kind(self, table: str) -> str:
        """The kind of a table, which names its builder and its template."""
        return self._plan.study.tables[table].kind

    def template(self, table: str) -> str:
        """Path of a table's template."""
        return f"report/{self.kind(table)}.tex.jinja"

    def table_inputs(self, table: str) -> list[str]:
        """Files of the study's results that a table reads."""
        request = self._request(table)
        files = [*metric_files(request), *other_files(request)]
        return [f"{self._plan.results}/{path}" for path in files]

    def table_resources(self, table: str) -> dict[str, str]:
        """Further files that a table's kind reads, by the option of the script that names them."""
        match self.kind(table):
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

    def table_settings(self, table: str) -> str:
        """`--settings` of the table script."""
        return json_parameter(self._request(table))

    def table_modules(self, table: str) -> tuple[str, ...]:
        """Modules that the table script loads by name: the builder of the table's kind."""
        return (f"ecslm.tables.kinds.{self.kind(table)}",)

    def table_code(self, table: str) -> str:
        """Digest of the table script with the builder of one kind."""
        return code_parameter("render_table.py", *self.table_modules(table))

    def card_settings(self) -> str:
        """`--settings` of the data card's script."""
        return json_parameter(self._card())

    def card_inputs(self) -> list[str]:
        """Reports that the data card shows."""
        return [f"{self._plan.results}/{path}" for path in card_files(self._card())]

    def report_settings(self) -> str:
        """`--settings` of the report script."""
        return json_parameter(self._report())

    def report_modules(self) -> tuple[str, ...]:
        """Modules that the report script loads by name: the metrics of the tasks that it shows."""
        metrics = {task.metric for task in self._report().tasks.values()}
        return tuple(f"ecslm.scoring.metrics.{metric}" for metric in sorted(metrics))

    def report_code(self) -> str:
        """Digest of the report script with the metrics."""
        return code_parameter("report.py", *self.report_modules())

    def report_inputs(self) -> list[str]:
        """Files that the report reads."""
        settings = self._report()
        bases = [self._plan.base(name) for name in base_names(settings)]
        return [f"{self._plan.results}/{path}" for path in report_files(settings)] + bases

    def summary_settings(self) -> str:
        """`--settings` of the summary that a finished run prints: in-domain results, each tuned
        model beside the same base as it is."""
        plan, study = self._plan, self._plan.study
        untuned = {
            model.base: name
            for name, model in study.models.items()
            if not model.tuned and not model.shots
        }
        pairs = [
            Pair(tuned=name, untuned=untuned.get(model.base))
            for name, model in study.models.items()
            if model.tuned
        ] or [Pair(untuned=name) for name in study.models]
        context = _context(plan)
        # Not canonical JSON: it is no parameter of a job, and its order is the study's.
        return SummarySettings(
            study=plan.config.study,
            settings=study.settings[:1],
            tasks={code: context.tasks[code].metric for code in plan.test_tasks},
            models={
                name: SummaryModel(seeds=model.seeds, tasks=plan.test_tasks)
                for name, model in study.models.items()
            },
            pairs=tuple(pairs),
            baselines=context.baselines,
        ).model_dump_json()

    def _card(self) -> CardSettings:
        plan, study = self._plan, self._plan.study
        with_leakage = plan.leakage_files()
        return CardSettings(
            study=plan.config.study,
            title=study.title,
            source=self._data().source,
            license=study.data.license,
            comparable=study.published_comparable,
            ranked_by_output=plan.ranked_by_output(),
            template=plan.model(plan.described_model).template,
            tolerated=study.data.tolerate,
            tasks=tuple(
                CardTask(
                    code=task,
                    title=plan.task(task).title,
                    leakage=plan.leakage(task) in with_leakage,
                )
                for task in study.tasks
            ),
        )

    def _report(self) -> ReportSettings:
        plan, study = self._plan, self._plan.study
        return ReportSettings(
            study=plan.config.study,
            title=study.title,
            data_source=self._data().source,
            tables=tuple(sorted(study.tables, key=self._place)),
            tasks={
                task: ReportTask(title=plan.task(task).title, metric=plan.task(task).metric)
                for task in plan.test_tasks
            },
            models={
                name: ReportModel(
                    base=model.base, seeds=model.seeds, tasks=plan.test_tasks, tuned=model.tuned
                )
                for name, model in study.models.items()
            },
            sample_models=tuple(
                sorted(name for name, model in study.models.items() if model.tuned)
            ),
            versions=lock_versions(LIBRARIES),
        )

    def _place(self, table: str) -> tuple[int, str]:
        """Where a table stands in the report; never where it stands in the configuration, whose
        order of keys must not matter."""
        return KINDS.index(self.kind(table)), table

    def _request(self, table: str) -> TableRequest:
        return _request(self._plan, table)

    def _data(self) -> DataContext:
        return _data(self._plan)


# Cached, since each table's rule asks several times; a plan does not change.
@cache
def _request(plan: Plan, table: str) -> TableRequest:
    return table_request(plan.study.tables[table], _context(plan))


@cache
def _context(plan: Plan) -> TableContext:
    study = plan.study
    return TableContext(
        data=_data(plan),
        tasks={
            code: TaskContext(
                title=plan.task(code).title,
                metric=metric(plan.task(code).metric).NAME,
                answer=plan.task(code).answer,
                train=plan.task(code).train,
                test=plan.task(code).test,
            )
            for code in study.tasks
        },
        models={
            name: ModelContext(seeds=model.seeds, tasks=plan.test_tasks, shots=model.shots)
            for name, model in study.models.items()
        },
        baselines={name: plan.baseline_tasks(name) for name in study.baselines},
        adapters={
            name: AdapterContext(
                architecture=study.architectures.get(model.base, model.base),
                rank=model.training.rank,
                target_modules=model.training.target_modules,
            )
            for name, model in study.models.items()
            if model.training is not None
        },
        contrasts={
            name: contrast.title or name
            for name, contrast in ComparisonPlan(plan).contrasts.items()
        },
    )


def _data(plan: Plan) -> DataContext:
    data = plan.study.data
    if isinstance(data, HubData):
        local = Path(data.id).is_dir()
        source = Path(data.id).name if local else f"{data.id} at {data.revision}"
    elif isinstance(data, DemoData):
        source = f"generated, seed {data.seed}"
    else:
        source = Path(data.path).name
    return DataContext(source=source, comparable=plan.study.published_comparable)
