"""The claims table: one tuned model against the best published, simple and untuned rows."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.tables import model as cells
from ecslm.tables.claims import Claim, Named, best, verdict
from ecslm.tables.differences import difference_cell
from ecslm.tables.entry import IntervalsEntry
from ecslm.tables.inputs import Inputs, comparison_files
from ecslm.tables.model import Cell, HeaderCell, Panel, Table
from ecslm.tables.notes import JOINT, STRICT, mark_notes
from ecslm.tables.references import ContrastName, ModelName, SettingName, TaskName
from ecslm.tables.scores import headline, score_files
from ecslm.tables.settings import TableContext

Column = cells.Column[Claim]


class ClaimsEntry(IntervalsEntry):
    """What can be said of one model: its scores beside the best of others, task by task."""

    READS: ClassVar = (score_files, comparison_files)
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES}

    kind: Literal["claims"]
    settings: dict[SettingName, str] = Field(
        min_length=1, description="Published table of each setting, for example `IND`."
    )
    tasks: tuple[TaskName, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    model: ModelName = Field(
        description="The model that the claims are about: one, since to choose the best of "
        "several in each task would be to choose by the test records."
    )
    general: tuple[str, ...] = Field(
        (), description="Published general models; the table shows the best of them in each task."
    )
    margin: float = Field(
        gt=0,
        le=1,
        description="How far below a published score still counts as close enough: a share of what "
        "that score gains over the best simple baseline.",
    )
    untuned: ModelName | None = Field(None, description="The same base, not tuned.")
    constrained: ModelName | None = Field(
        None,
        description="The same as `untuned` with its answers limited to valid ones: what it knows "
        "apart from the form of its answers.",
    )
    contrasts: tuple[ContrastName, ...] = Field(
        (),
        description="Contrasts that test the model against `constrained`, or `untuned` where that "
        "has no answers, and against the best simple baseline.",
    )

    def problems(self, inputs: Inputs) -> list[str]:
        """Names of published rows that do not exist."""
        return [
            f"general: {row} is not in table {table} of {inputs.published.path}"
            for table in dict.fromkeys(self.settings.values())
            for row in self.general
            if not inputs.published.has(table, row)
        ]

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores, comparisons and published numbers: a float for each setting, with
        a paragraph of the verdict."""
        study = inputs.study
        claims: dict[str, list[Claim]] = {}
        for setting in self.settings:
            if found := [one for task in self.tasks if (one := self._claim(inputs, task, setting))]:
                claims[setting] = found
        panels = [panel for setting in claims for panel in self._panels(study, setting, claims)]
        notes = (
            *self._notes(study, [claim for found in claims.values() for claim in found]),
            *mark_notes(panels, with_intervals=self.explains_intervals),
        )
        return self.table(name, panels, notes, study.data, self._summary(study, claims))

    def _compares(self, study: TableContext) -> bool:
        """Whether published rows are compared with ours."""
        return study.data.comparable and bool(self.general)

    def _summary(self, study: TableContext, claims: Mapping[str, Sequence[Claim]]) -> Iterator[str]:
        if self.general and not study.data.comparable:
            yield (
                f"The published models answered other records than these ({study.data.source}), so "
                f"their scores cannot be compared: {self.model} is compared only with rows of this "
                "study."
            )
        for setting, found in claims.items():
            title = study.setting_title(setting)
            yield verdict(
                title[:1].upper() + title[1:],
                self.model,
                found,
                untuned=self.untuned,
                constrained=self.constrained,
                margin=self.margin,
            )

    def _claim(self, inputs: Inputs, task: str, setting: str) -> Claim | None:
        """The claim of a task; None where the model does not answer it."""
        measured, untuned, limited = (
            inputs.scores.of(name, task, setting)
            for name in (self.model, self.untuned, self.constrained)
        )
        if measured is None:
            return None
        like = headline(limited, with_interval=False)
        invalid = Cell()
        if untuned:
            share, sources = untuned.invalid_share(), untuned.sources
            invalid = cells.number_cell(share, lambda of: cells.percent_text(of, 0), sources)
            if not limited:
                like = cells.number_cell(untuned.lenient(), cells.score_text, sources)
        simple = inputs.scores.simple(task, setting)
        named = {simple[0]: headline(simple[1], with_interval=False)} if simple else {}
        table, compares = self.settings[setting], self._compares(inputs.study)
        general = {row: inputs.published.cell(table, row, task) for row in self.general if compares}
        return Claim(
            task=task,
            n=measured.records,
            ours=headline(measured),
            general=best(general),
            untuned=headline(untuned, with_interval=False),
            invalid=invalid,
            like=like,
            limited=limited is not None,
            tuning=self._difference(
                inputs, task, setting, {self.constrained if limited else self.untuned}
            ),
            simple=best(named),
            beating=self._difference(inputs, task, setting, named),
            rounding=inputs.published.rounding(table, task) if compares else 0.0,
            proportion=inputs.study.tasks[task].proportion,
        )

    def _difference(
        self, inputs: Inputs, task: str, setting: str, others: Collection[str | None]
    ) -> Cell:
        """The difference to one of the others, as the first contrast has it that compares them."""
        found = (
            difference_cell(task, row)
            for _, row in inputs.compared([task], *self.contrasts)
            if (row.a, row.setting) == (self.model, setting) and row.b in others
        )
        return next(found, Cell())

    def _panels(
        self, study: TableContext, setting: str, claims_of: Mapping[str, Sequence[Claim]]
    ) -> Iterator[Panel]:
        """The model beside published rows, if it may be compared with them, and beside own rows."""
        claims, title = claims_of[setting], study.setting_title(setting)
        rows = {"": {claim.task: claim for claim in claims}}

        def panel(panel_title: str, columns: Sequence[Column], float_title: str) -> Panel:
            groups = cells.row_groups(columns, rows)
            return Panel(panel_title, "Task", cells.heads(columns), groups, float_title)

        columns: list[Column] = [
            (
                _text("metric", "Metric"),
                lambda one: cells.text_cell(study.tasks[one.task].metric),
            ),
            (
                HeaderCell("records", "n", form="count"),
                lambda one: cells.count_cell(one.n, one.ours.sources),
            ),
            (HeaderCell("ours", "Ours"), lambda one: one.ours),
        ]
        own = title
        if self._compares(study):
            columns += _against_general(self.margin)
            yield panel(f"{title}: published rows", columns, title)
            columns, own = [], f"{title}: rows of this study"
        if self.untuned is not None:
            columns += _against_untuned(claims)
        if any(claim.simple for claim in claims):
            columns += _against_simple(claims)
        if columns:
            # A second panel is in the float of the first.
            yield panel(own, columns, title if own == title else "")

    def _notes(self, study: TableContext, claims: Sequence[Claim]) -> Iterator[str]:
        seeds = len(study.models[self.model].seeds)
        yield f"Ours: {self.model}" + (f", mean over {seeds} seeds." if seeds > 1 else ".")
        yield STRICT
        if self._compares(study):
            yield (
                f"Best general LLM: the best of {', '.join(self.general)}, as published. A share "
                "of right answers (accuracy, HR@1) is binomial: both intervals are combined "
                "(Newcombe). Other values are taken as exact up to rounding, since their "
                "uncertainty is not known."
            )
            yield (
                f"Within: whether ours is better, or worse by at most {100 * self.margin:g} % of "
                "what the published score gains over the best simple baseline (by nothing if it "
                "gains nothing): yes for the whole interval of the difference, no for none of it, "
                "otherwise unclear."
            )
        elif self.general:
            yield "Published values were measured on other data: they are not compared with ours."
        if self.untuned is not None:
            tasks = dict.fromkeys(claim.task for claim in claims if not claim.limited)
            limited = f"{self.constrained}, whose answers are limited to valid ones"
            lenient = f"{self.untuned} by a parser that looks for the answer anywhere in its text"
            if self.constrained is not None:
                lenient = f"{limited}; {', '.join(tasks)}: {lenient}" if tasks else limited
            yield (
                f"Untuned: {self.untuned}; free: its strict score; invalid: the share of its "
                f"answers that cannot be parsed; any form: {lenient}."
            )
            if any(claim.tuning.value is not None for claim in claims):
                rest = (
                    f"; {', '.join(tasks)}: to {self.untuned}" if self.constrained and tasks else ""
                )
                yield f"Difference to untuned: to {self.constrained or self.untuned}{rest}."
        if any(claim.simple for claim in claims):
            yield "Best simple: the best trivial or learned baseline, chosen without test records."
        if self._compares(study) or all(claim.beating.value is None for claim in claims):
            yield (
                "Above, contains, below: whether our 95 % interval lies above the other score, "
                "contains it or lies below it."
            )
        if seeds > 1:
            yield JOINT


def _text(key: str, title: str, detail: str = "") -> HeaderCell:
    return HeaderCell(key, title, detail, form="text")


def _against_general(margin: float) -> Iterator[Column]:
    yield from _named("general", "Best general LLM", lambda one: one.general)
    yield HeaderCell("difference", "Difference", "to published"), _difference
    yield _text("interval", "Our interval", "is"), lambda one: _judged(one, one.against_general)
    yield (
        _text("within", "Within", f"{100 * margin:g} % of gain"),
        lambda one: _judged(one, one.within(margin)),
    )


def _against_untuned(claims: Sequence[Claim]) -> Iterator[Column]:
    yield HeaderCell("untuned", "Untuned", "free"), lambda one: one.untuned
    yield HeaderCell("invalid", "Untuned", "invalid, %"), lambda one: one.invalid
    yield HeaderCell("like", "Untuned", "any form"), lambda one: one.like
    if any(claim.tuning.value is not None for claim in claims):
        yield HeaderCell("tuning", "Difference", "to untuned"), lambda one: one.tuning


def _against_simple(claims: Sequence[Claim]) -> Iterator[Column]:
    yield from _named("simple", "Best simple", lambda one: one.simple)
    if any(claim.beating.value is not None for claim in claims):
        yield HeaderCell("beating", "Difference", "to simple"), lambda one: one.beating
    else:
        yield (
            _text("interval of simple", "Our interval", "is"),
            lambda one: _judged(one, one.against_simple),
        )


def _named(key: str, title: str, of: Callable[[Claim], Named | None]) -> Iterator[Column]:
    """The name of a row, and its value."""

    def name(claim: Claim) -> Cell:
        found = of(claim)
        return cells.text_cell(found.name, found.cell.sources) if found else Cell()

    def value(claim: Claim) -> Cell:
        found = of(claim)
        return found.cell if found else Cell()

    yield _text(f"{key} row", title), name
    yield HeaderCell(key, "Score"), value


def _difference(claim: Claim) -> Cell:
    published = claim.general.cell.sources if claim.general else ()
    return cells.number_cell(
        claim.difference, cells.difference_text, (*claim.ours.sources, *published)
    )


def _judged(claim: Claim, judgement: str | None) -> Cell:
    """A judgement by the interval, with a star where that may be too narrow."""
    if judgement is None:
        return Cell()
    star = "" if claim.reliable else "*"
    return Cell(judgement, f"{judgement}{star}", sources=claim.ours.sources)
