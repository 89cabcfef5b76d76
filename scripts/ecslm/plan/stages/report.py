"""The jobs that build the report, and the summary that a finished run prints."""

from collections.abc import Iterator, Mapping

from ecslm.common.versions import lock_versions
from ecslm.plan.keys import StudyKey, TableKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.plan.source import source_of
from ecslm.plan.stages.tables import in_report_order, table_context
from ecslm.plan.study import Study
from ecslm.reports.run_summary import Pair, SummaryModel, SummarySettings
from ecslm.reports.settings import (
    LIBRARIES,
    ReportModel,
    ReportSettings,
    ReportTask,
    base_names,
    metric_modules,
    report_files,
)
from ecslm.schemas import paths

# Libraries whose versions the report lists.
LISTED = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


class ReportPage(Rule[StudyKey]):
    """The report as a web page and as a LaTeX document."""

    name, script, key_type = "report_page", "report.py", StudyKey
    outputs = path_patterns(
        html=paths.REPORT_PAGE, tex=paths.REPORT_TEX, manifest=paths.REPORT_MANIFEST
    )
    targets = ("html",)
    libraries = LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[StudyKey]:
        """One job."""
        yield StudyKey()

    def inputs(self, key: StudyKey) -> Mapping[str, Files]:
        """What the report shows, and its templates."""
        settings = self.settings(key)
        bases = (self.study.base(name) for name in base_names(settings))
        return {
            "results": (
                *(f"{self.study.results}/{path}" for path in report_files(settings)),
                *bases,
            ),
            "page": f"{paths.REPORT_TEMPLATES}/report.html.jinja",
            "document": f"{paths.REPORT_TEMPLATES}/report.tex.jinja",
        }

    def settings(self, _key: StudyKey) -> ReportSettings:
        """What the report shows of the study."""
        study = self.study
        models = {name: model for name, model in study.settings.models.items() if model.run}
        return ReportSettings(
            study=study.name,
            title=study.settings.title,
            data_source=source_of(study).title(),
            tables=in_report_order(study),
            tasks={
                task: ReportTask(title=study.task(task).title, metric=study.task(task).metric)
                for task in study.test_tasks
            },
            models={
                name: ReportModel(
                    base=model.base,
                    seeds=model.seeds,
                    tasks=study.model_tasks(name),
                    tuned=model.tuned,
                )
                for name, model in models.items()
            },
            sample_models=tuple(
                sorted([name for name, model in models.items() if model.tuned] or models)
            ),
            versions=lock_versions(LISTED),
        )

    def modules(self, key: StudyKey) -> tuple[str, ...]:
        """The metrics, which say how good an answer is."""
        return metric_modules(self.settings(key))


class ReportPdf(Rule[StudyKey]):
    """The report as a PDF."""

    name, script, key_type = "report_pdf", "report_pdf.py", StudyKey
    outputs = path_patterns(pdf=paths.REPORT_PDF, manifest=paths.REPORT_PDF_MANIFEST)
    targets = ("pdf",)
    cheap = True

    def all_keys(self) -> Iterator[StudyKey]:
        """One job."""
        yield StudyKey()

    def inputs(self, _key: StudyKey) -> Mapping[str, Files]:
        """The document, and the tables that it contains."""
        study = self.study
        tables = map(TableKey, study.settings.tables)
        return {
            "document": study.path(paths.REPORT_TEX),
            "tables": tuple(study.path(paths.TABLE, table=key.table) for key in tables),
        }


def summary_settings(study: Study) -> str:
    """`--settings` of the summary that a finished run prints: in-domain results, each tuned model
    next to the same base untuned, and the models that do not run here."""
    models = {name: model for name, model in study.settings.models.items() if model.run}
    local = {name: model for name, model in study.local_models.items() if model.run}
    free = {name: model for name, model in local.items() if model.answers == "free"}
    untuned = {
        model.base: name
        for name, model in free.items()
        if model.adapter_name(name) is None and not model.shots
    }
    pairs = [
        Pair(tuned=name, untuned=untuned.get(model.base))
        for name, model in free.items()
        if model.tuned
    ] or [Pair(untuned=name) for name in free or local]
    pairs += [Pair(elsewhere=name) for name in models if name not in local]
    context = table_context(study)
    # Not canonical JSON: this is not a job's parameter, and the order is that of the study.
    return SummarySettings(
        study=study.name,
        settings=study.settings.settings[:1],
        tasks={
            code: context.tasks[code].metric
            for code in study.settings.tasks
            if code in study.test_tasks
        },
        models={
            name: SummaryModel(seeds=model.seeds, tasks=study.model_tasks(name))
            for name, model in models.items()
        },
        pairs=tuple(pairs),
        baselines=context.baselines,
    ).model_dump_json()


RULES = (ReportPage, ReportPdf)
