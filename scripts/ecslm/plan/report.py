"""The jobs that build the report, and the summary that a finished run prints."""

from collections.abc import Iterator, Mapping

from ecslm.common.versions import lock_versions
from ecslm.plan.keys import OfTable, Whole
from ecslm.plan.rules import Files, Rule, named
from ecslm.plan.scores import metric_modules
from ecslm.plan.source import Source
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, table_context
from ecslm.reports.run_summary import Pair, SummaryModel, SummarySettings
from ecslm.reports.settings import ReportModel, ReportSettings, ReportTask, base_names, report_files
from ecslm.schemas import paths

# Libraries whose versions the report lists.
LIBRARIES = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


class ReportPage(Rule[Whole]):
    """The report as a web page and as a LaTeX document."""

    name, script, key = "report_page", "report.py", Whole
    outputs = named(html=paths.REPORT_PAGE, tex=paths.REPORT_TEX, manifest=paths.REPORT_MANIFEST)
    targets = ("html",)

    def each(self) -> Iterator[Whole]:
        """One job."""
        yield Whole()

    def inputs(self, of: Whole) -> Mapping[str, Files]:
        """What the report shows, and its templates."""
        settings = self.settings(of)
        bases = (self.study.base(name) for name in base_names(settings))
        return {
            "results": (
                *(f"{self.study.results}/{path}" for path in report_files(settings)),
                *bases,
            ),
            "page": f"{paths.REPORT_TEMPLATES}/report.html.jinja",
            "document": f"{paths.REPORT_TEMPLATES}/report.tex.jinja",
        }

    def settings(self, _of: Whole) -> ReportSettings:
        """What the report shows of the study."""
        study, models = self.study, self.study.settings.models
        return ReportSettings(
            study=study.name,
            title=study.settings.title,
            data_source=Source(study).title(),
            tables=in_report_order(study),
            tasks={
                task: ReportTask(title=study.task(task).title, metric=study.task(task).metric)
                for task in study.test_tasks
            },
            models={
                name: ReportModel(
                    base=model.base, seeds=model.seeds, tasks=study.test_tasks, tuned=model.tuned
                )
                for name, model in models.items()
            },
            sample_models=tuple(sorted(name for name, model in models.items() if model.tuned)),
            versions=lock_versions(LIBRARIES),
        )

    def modules(self, _of: Whole) -> tuple[str, ...]:
        """The metrics, which say how good an answer is."""
        found = {
            name for task in self.study.test_tasks for name in metric_modules(self.study, task)
        }
        return tuple(sorted(found))


class ReportPdf(Rule[Whole]):
    """The report as a PDF."""

    name, script, key = "report_pdf", "report_pdf.py", Whole
    outputs = named(pdf=paths.REPORT_PDF, manifest=paths.REPORT_PDF_MANIFEST)
    targets = ("pdf",)

    def each(self) -> Iterator[Whole]:
        """One job."""
        yield Whole()

    def inputs(self, _of: Whole) -> Mapping[str, Files]:
        """The document, and the tables that it contains."""
        study = self.study
        tables = map(OfTable, study.settings.tables)
        return {
            "document": study.path(paths.REPORT_TEX),
            "tables": tuple(study.path(paths.TABLE, table=of.table) for of in tables),
        }


def summary_settings(study: Study) -> str:
    """`--settings` of the summary that a finished run prints: in-domain results, each tuned model
    next to the same base untuned."""
    models = study.settings.models
    untuned = {
        model.base: name for name, model in models.items() if not model.tuned and not model.shots
    }
    pairs = [
        Pair(tuned=name, untuned=untuned.get(model.base))
        for name, model in models.items()
        if model.tuned
    ] or [Pair(untuned=name) for name in models]
    context = table_context(study)
    # Not canonical JSON: this is not a job's parameter, and the order is that of the study.
    return SummarySettings(
        study=study.name,
        settings=study.settings.settings[:1],
        tasks={code: context.tasks[code].metric for code in study.test_tasks},
        models={
            name: SummaryModel(seeds=model.seeds, tasks=study.test_tasks)
            for name, model in models.items()
        },
        pairs=tuple(pairs),
        baselines=context.baselines,
    ).model_dump_json()


RULES = (ReportPage, ReportPdf)
