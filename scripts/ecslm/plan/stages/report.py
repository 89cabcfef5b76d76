"""The jobs that build the report, and the summary that a finished run prints."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.versions import lock_versions
from ecslm.figures.scores import KIND
from ecslm.figures.settings import GRAPH_LIBRARIES, RuleGraph
from ecslm.plan.keys import StudyKey
from ecslm.plan.rule_graph import rule_graph
from ecslm.plan.rules import Files, Rule, as_tuple, path_patterns
from ecslm.plan.source import source_of
from ecslm.plan.stages.figures import figures_settings, shown_tasks
from ecslm.plan.stages.tables import in_report_order, table_context
from ecslm.plan.study import Study
from ecslm.plan.study_tables import partly_shown, study_tables
from ecslm.reports.run_summary import Pair, SummarySettings, summary
from ecslm.reports.settings import (
    LIBRARIES,
    ReportFigure,
    ReportModel,
    ReportSettings,
    ReportTable,
    ReportTask,
    base_names,
    metric_modules,
    report_files,
)
from ecslm.schemas import paths
from ecslm.tables.requests import table_request
from ecslm.tables.settings import Entry

# Libraries whose versions the report lists.
LISTED = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


class DrawRuleGraph(Rule[StudyKey]):
    """The graph of the study's rules."""

    name, script, key_type = "draw_rule_graph", "draw_rule_graph.py", StudyKey
    outputs = path_patterns(
        svg=paths.RULE_GRAPH_SVG, pdf=paths.RULE_GRAPH_PDF, manifest=paths.RULE_GRAPH_MANIFEST
    )
    libraries = GRAPH_LIBRARIES
    cheap = True
    rules: Collection[Rule[Any]] = ()
    """All rules of the plan; the plan sets them."""

    def all_keys(self) -> Iterator[StudyKey]:
        """One job."""
        yield StudyKey()

    def settings(self, _key: StudyKey) -> RuleGraph:
        """The graph."""
        rules = {rule.name: rule for rule in self.rules}

        def outputs(name: str, job: Any) -> Iterator[str]:
            rule = rules[name]
            for one in rule.patterns:
                yield from rule.output_paths(one, rule.key_type(**job))

        def inputs(name: str, job: Any) -> Iterator[str]:
            for files in rules[name].inputs(rules[name].key_type(**job)).values():
                yield from as_tuple(files)

        jobs = {name: list(map(vars, rule.all_keys())) for name, rule in rules.items()}
        return rule_graph(jobs, outputs, inputs)


class ReportPage(Rule[StudyKey]):
    """The report as a web page and as a LaTeX document."""

    name, script, key_type = "report_page", "report.py", StudyKey
    outputs = path_patterns(
        html=paths.REPORT_PAGE, tex=paths.REPORT_TEX, manifest=paths.REPORT_MANIFEST
    )
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
            "style": f"{paths.REPORT_TEMPLATES}/report.css",
            "script": f"{paths.REPORT_TEMPLATES}/report.js",
            "document": f"{paths.REPORT_TEMPLATES}/report.tex.jinja",
        }

    def settings(self, _key: StudyKey) -> ReportSettings:
        """What the report shows of the study."""
        return self._settings

    def modules(self, key: StudyKey) -> tuple[str, ...]:
        """The metrics, which say how good an answer is."""
        return metric_modules(self.settings(key))

    @cached_property
    def _settings(self) -> ReportSettings:
        return report_settings(self.study)


class ReportPdf(Rule[StudyKey]):
    """The report as a PDF."""

    name, script, key_type = "report_pdf", "report_pdf.py", StudyKey
    outputs = path_patterns(pdf=paths.REPORT_PDF, manifest=paths.REPORT_PDF_MANIFEST)
    cheap = True

    def all_keys(self) -> Iterator[StudyKey]:
        """One job."""
        yield StudyKey()

    def inputs(self, _key: StudyKey) -> Mapping[str, Files]:
        """The document, and the tables and figures that it contains."""
        study = self.study
        figures = (figure.name for figure in report_figures(study))
        return {
            "document": study.path(paths.REPORT_TEX),
            "parts": (
                *(study.path(paths.TABLE, table=table) for table in study_tables(study)),
                *(study.path(paths.FIGURE_PDF, figure=figure) for figure in figures),
            ),
        }


def report_settings(study: Study) -> ReportSettings:
    """What the report shows of a study."""
    tables = {name: study_tables(study)[name] for name in in_report_order(study)}
    results = [entry for entry in tables.values() if entry.kind == KIND]
    context = table_context(study)
    tasks = _in_order((task for entry in results for task in shown_tasks(entry)), study.test_tasks)
    models = [name for name, model in study.settings.models.items() if model.run]
    rows = (name for entry in results for name in table_request(entry, context).context.models)
    return ReportSettings(
        study=study.name,
        title=study.settings.title,
        question=study.settings.question,
        data_source=source_of(study).title(),
        comparable=study.settings.published_comparable,
        of_the_paper=study.of_the_paper,
        train_setting=study.settings.train_setting,
        setting_titles=context.setting_titles,
        resamples=study.settings.scoring.resamples,
        tables=tuple(
            ReportTable(name=name, kind=entry.kind, setting=getattr(entry, "setting", None))
            for name, entry in tables.items()
        ),
        figures=report_figures(study),
        tasks=tuple(
            ReportTask(
                code=task,
                title=study.task(task).title,
                metric=study.task(task).metric,
                measure=context.tasks[task].metric,
            )
            for task in tasks
        ),
        models=tuple(_report_model(study, name) for name in _in_order(rows, models)),
        judged=_judged(study, tables),
        not_run=tuple(sorted(set(study.settings.models).difference(models))),
        partly_shown=partly_shown(study),
        card=study.described_model is not None,
        baselines=context.baselines,
        samples=study.settings.report.samples,
        versions=lock_versions(LISTED),
    )


def _judged(study: Study, tables: Mapping[str, Entry]) -> tuple[str, ...]:
    """The models that are compared with simple baselines at the beginning of a report: those of
    claims, or else all tuned ones."""
    claimed = (getattr(entry, "model", None) for entry in tables.values())
    named = tuple(dict.fromkeys(name for name in claimed if name is not None))
    return named or tuple(sorted(name for name, model in study.local_models.items() if model.tuned))


def report_figures(study: Study) -> tuple[ReportFigure, ...]:
    """The figures of a study's report."""
    drawn = figures_settings(study).names()
    found = (
        ReportFigure(name=one.stem, kind=one.kind, table=one.table, task=one.task) for one in drawn
    )
    return (*found, ReportFigure(name=paths.RULE_GRAPH, kind="rule_graph"))


def _in_order(first: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names: those that tables show in the order of the first table, the others sorted. The
    order of keys in the configuration must not matter."""
    known = set(names)
    shown = [name for name in dict.fromkeys(first) if name in known]
    return [*shown, *sorted(known.difference(shown))]


def _report_model(study: Study, name: str) -> ReportModel:
    model, local = study.model(name), study.local_models.get(name)
    return ReportModel(
        name=name,
        base=model.base,
        seeds=model.seeds,
        tasks=study.model_tasks(name),
        precision=None if local is None else local.precision,
        training=None if local is None else local.training,
    )


def study_summary(study: Study) -> str:
    """What a finished run prints of the scores, and where the results are.

    Raises:
        InputError: there are no results, or scores were altered.
    """
    results = Path(study.results)
    if not results.is_dir():
        raise InputError(
            f"{results}: no results yet: run the study first, by `make reproduce` and the same "
            "STUDY or CONFIGFILE"
        )
    return summary(summary_settings(study), results)


def summary_settings(study: Study) -> SummarySettings:
    """What the summary shows: in-domain results, each tuned model next to the same base untuned,
    with free answers and with valid ones, and the models that do not run here."""
    models = {name: model for name, model in study.settings.models.items() if model.run}
    local = {name: model for name, model in study.local_models.items() if model.run}
    free = {name: model for name, model in local.items() if model.answers == "free"}
    untuned, limited = (
        {
            model.base: name
            for name, model in local.items()
            if model.answers == answers and model.adapter_name(name) is None and not model.shots
        }
        for answers in ("free", "constrained")
    )
    pairs = [
        Pair(tuned=name, untuned=untuned.get(model.base), limited=limited.get(model.base))
        for name, model in free.items()
        if model.tuned
    ] or [Pair(untuned=name) for name in free or local]
    pairs += [
        Pair(elsewhere=name)
        for name, model in models.items()
        if name not in local and not model.LEARNS
    ]
    context = table_context(study)
    return SummarySettings(
        study=study.name,
        settings=study.settings.settings[:1],
        pairs=tuple(pairs),
        context=context.model_copy(
            update={"tasks": {code: task for code, task in context.tasks.items() if task.test}}
        ),
    )


RULES = (DrawRuleGraph, ReportPage, ReportPdf)
