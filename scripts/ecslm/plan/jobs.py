"""The jobs of a study as the present configuration, code and lock file would have them run.

The rules ask the plans for the same values; a test holds the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.manifests import manifest_of
from ecslm.plan.comparisons import ComparisonPlan
from ecslm.plan.parameters import code_parameter
from ecslm.plan.report import CARD, ReportPlan
from ecslm.plan.study import Plan


@dataclass(frozen=True)
class Job:
    """What one job makes, and from what.

    `settings`, `content`, `template` and `versions` are parameters of its rule, None where the rule
    has none. The code is a script with the modules that it loads by name.
    """

    rule: str
    results: tuple[str, ...]
    manifest: str
    inputs: tuple[str, ...] = ()
    settings: str | None = None
    content: str | None = None
    template: str | None = None
    versions: str | None = None
    script: str | None = None
    modules: tuple[str, ...] = ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """Results that are targets: Snakemake makes them anew when they are missing.

        Of an adapter it is the manifest.
        """
        match self.rule:
            case "train_adapter":
                return ()
            case "compare":
                return self.results
            case _:
                return self.results[:1]

    @property
    def code(self) -> str | None:
        """The code's digest as a parameter."""
        return None if self.script is None else code_parameter(self.script, *self.modules)


def all_jobs(plan: Plan, drawn: ReportPlan) -> Iterator[Job]:
    """All jobs of the current study, each after those whose results it reads.

    Raises:
        InputError: a file that a parameter is made from is missing or broken.
    """
    yield from _base_jobs(plan)
    yield from _dataset_jobs(plan)
    yield from _description_jobs(plan, drawn)
    for name, model in plan.study.models.items():
        for seed in model.seeds:
            yield from _model_jobs(plan, name, seed)
    yield from _baseline_jobs(plan)
    yield from _comparison_jobs(plan, ComparisonPlan(plan))
    yield from _table_jobs(plan, drawn)
    yield from _report_jobs(plan, drawn)


def _base_jobs(plan: Plan) -> Iterator[Job]:
    for manifest in plan.base_files():
        settings = plan.base_settings(Path(manifest).parent.name)
        yield Job("base_model", (), manifest, settings=settings)


def _dataset_jobs(plan: Plan) -> Iterator[Job]:
    check = plan.data_check()
    yield Job(
        "check_data",
        (check,),
        _manifest(check),
        settings=plan.check_settings(),
        content=plan.check_source_content(),
        script="check_data.py",
        modules=plan.dataset_modules(),
    )
    for path in plan.dataset_files():
        task, split = Path(path).parent.name, Path(path).stem
        yield Job(
            "dataset",
            (path,),
            _manifest(path),
            settings=plan.dataset_settings(task, split),
            content=plan.dataset_source(task, split),
            script="dataset.py",
            modules=plan.dataset_modules(),
        )


def _description_jobs(plan: Plan, drawn: ReportPlan) -> Iterator[Job]:
    model = plan.described_model
    for task in plan.study.tasks:
        description = plan.description(task)
        yield Job(
            "describe_data",
            (description,),
            _manifest(description),
            inputs=(
                *plan.task_files(task),
                plan.base(plan.model(model).base),
                plan.template(model),
            ),
            settings=plan.description_settings(task),
            versions=plan.description_versions(),
            script="describe_data.py",
        )
    for leakage in plan.leakage_files():
        task = Path(leakage).stem
        own = plan.dataset(task, "test"), plan.dataset(task, "train")
        yield Job(
            "leakage",
            (leakage,),
            _manifest(leakage),
            inputs=(*own, *plan.other_training_files(task)),
            versions=plan.leakage_versions(),
            script="leakage.py",
        )
    card = plan.data_card()
    yield Job(
        "data_card",
        (card,),
        _manifest(card),
        inputs=(*drawn.card_inputs(), CARD),
        settings=drawn.card_settings(),
        script="data_card.py",
    )


def _model_jobs(plan: Plan, name: str, seed: int) -> Iterator[Job]:
    entry = plan.model(name)
    base, template = plan.base(entry.base), plan.template(name)
    if entry.tuned:
        manifest = plan.adapter(name, seed)
        folder = Path(manifest).parent
        yield Job(
            "train_adapter",
            (str(folder / "adapter_model.safetensors"), str(folder / "adapter_config.json")),
            manifest,
            inputs=(
                *plan.training_files("train"),
                *plan.training_files("val"),
                base,
                template,
            ),
            settings=plan.adapter_settings(name),
            template=plan.template_digest(name),
            versions=plan.adapter_versions(name),
            script="train_adapter.py",
        )
    for task in plan.test_tasks:
        predictions = plan.predictions(name, seed, task)
        adapter = (plan.adapter(name, seed),) if entry.tuned else ()
        yield Job(
            "predict",
            (predictions,),
            _manifest(predictions),
            inputs=(plan.dataset(task, "test"), base, *adapter, template),
            settings=plan.prediction_settings(name, task),
            template=plan.template_digest(name),
            versions=plan.prediction_versions(name, task),
            script="predict.py",
            modules=plan.prediction_modules(name, task),
        )
        bertscores = plan.bertscore(name, seed, task)
        if plan.is_generation(task):
            yield Job(
                "bertscore",
                (bertscores,),
                _manifest(bertscores),
                inputs=(predictions, *plan.encoder()),
                settings=plan.bertscore_settings(),
                versions=plan.bertscore_versions(),
                script="bertscore.py",
            )
        compared = (bertscores,) if plan.is_generation(task) else ()
        yield _score_job(
            plan, "score", plan.metrics(name, seed, task), task, (predictions, *compared)
        )


def _baseline_jobs(plan: Plan) -> Iterator[Job]:
    for baseline in plan.study.baselines:
        for task in plan.baseline_tasks(baseline):
            train = (plan.dataset(task, "train"),) if baseline == "majority" else ()
            inputs = (plan.dataset(task, "test"), *train)
            metrics = plan.metrics(baseline, 0, task)
            yield _score_job(plan, "score_baseline", metrics, task, inputs)


def _score_job(plan: Plan, rule: str, metrics: str, task: str, inputs: tuple[str, ...]) -> Job:
    return Job(
        rule,
        (metrics, metrics.removesuffix(".json") + ".records.jsonl"),
        _manifest(metrics),
        inputs=inputs,
        settings=plan.score_settings(task),
        versions=plan.score_versions(),
        script=f"{rule}.py",
        modules=plan.score_modules(task),
    )


def _comparison_jobs(plan: Plan, compared: ComparisonPlan) -> Iterator[Job]:
    for path in compared.over_seeds_files():
        model, task = Path(path).parts[-3], Path(path).stem
        yield Job(
            "score_over_seeds",
            (path,),
            _manifest(path),
            inputs=tuple(compared.outcomes(model, task)),
            settings=compared.over_seeds_settings(task),
            versions=plan.score_versions(),
            script="score_over_seeds.py",
            modules=compared.metric_modules(task),
        )
    for path in compared.difference_files():
        task = Path(path).stem
        yield Job(
            "differences",
            (path,),
            _manifest(path),
            inputs=tuple(compared.compared_outcomes(task)),
            settings=compared.differences_settings(task),
            versions=compared.differences_versions(),
            script="differences.py",
            modules=compared.metric_modules(task),
        )
    if compared.comparison_files():
        yield Job(
            "compare",
            tuple(compared.comparison_files()),
            compared.manifest,
            inputs=tuple(compared.difference_files()),
            script="compare.py",
        )


def _table_jobs(plan: Plan, drawn: ReportPlan) -> Iterator[Job]:
    for table in plan.study.tables:
        fragment = drawn.table(table)
        yield Job(
            "render_table",
            (fragment, drawn.table(table, "json")),
            _manifest(fragment),
            inputs=(
                *drawn.table_inputs(table),
                drawn.template(table),
                *drawn.table_resources(table).values(),
            ),
            settings=drawn.table_settings(table),
            script="render_table.py",
            modules=drawn.table_modules(table),
        )


def _report_jobs(plan: Plan, drawn: ReportPlan) -> Iterator[Job]:
    page, document = f"{plan.results}/report.html", f"{plan.results}/report.tex"
    yield Job(
        "report_page",
        (page, document),
        _manifest(page),
        inputs=(*drawn.report_inputs(), "report/report.html.jinja", "report/report.tex.jinja"),
        settings=drawn.report_settings(),
        script="report.py",
    )
    pdf = f"{plan.results}/report.pdf"
    yield Job(
        "report_pdf",
        (pdf,),
        f"{pdf}.manifest.json",
        inputs=(document, *drawn.table_files()),
        script="report_pdf.py",
    )


def _manifest(result: str) -> str:
    return str(manifest_of(Path(result)))
