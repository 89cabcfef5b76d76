"""The claims table: one tuned model against the best published, simple and untuned rows."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.tables.claims import (
    Claim,
    claims_paragraph,
    close_enough,
    difference_interval,
    sign,
)
from ecslm.tables.differences import difference_cell, unmarked_notes
from ecslm.tables.entry import TASK_ROWS, IntervalsEntry
from ecslm.tables.inputs import Inputs, comparison_files
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Table,
    best,
    count_cell,
    difference_text,
    number_cell,
    percent_text,
    row_groups,
    score_text,
    text_cell,
)
from ecslm.tables.notes import JOINT, STRICT, mark_notes
from ecslm.tables.references import ContrastName, ModelName, SettingName, TaskName
from ecslm.tables.scores import score_files
from ecslm.tables.settings import TableContext

OURS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("records", "n", form="count"),
    HeaderCell("ours", "Ours"),
)
AGAINST_GENERAL = (
    HeaderCell("general row", "Best general LLM", form="text"),
    HeaderCell("general", "Score"),
    HeaderCell("difference", "Difference", "to published"),
    HeaderCell("interval", "Our interval", "is", form="text"),
)
AGAINST_UNTUNED = (
    HeaderCell("untuned", "Untuned", "free"),
    HeaderCell("invalid", "Untuned", "invalid, %"),
    HeaderCell("like", "Untuned", "any form"),
)
TUNING = HeaderCell("tuning", "Difference", "to untuned")
AGAINST_SIMPLE = (
    HeaderCell("simple row", "Best simple", form="text"),
    HeaderCell("simple", "Score"),
)
BEATING = HeaderCell("beating", "Difference", "to simple")
INTERVAL_OF_SIMPLE = HeaderCell("interval of simple", "Our interval", "is", form="text")


class ClaimsEntry(IntervalsEntry):
    """What can be said of one model: its scores beside the best of others, task by task."""

    READS: ClassVar = (score_files, comparison_files)
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES}

    kind: Literal["claims"]
    settings: dict[SettingName, str] = Field(min_length=1)
    """Published table of each setting, for example `IND`."""
    tasks: tuple[TaskName, ...] = TASK_ROWS
    model: ModelName
    """The model that the claims are about: one, since to choose the best of several in each task
    would be to choose by the test records."""
    general: tuple[str, ...] = ()
    """Published general models; the table shows the best of them in each task."""
    margin: float = Field(gt=0, le=1)
    """How far below a published score still counts as close enough: a share of what that score
    gains over the best simple baseline."""
    untuned: ModelName | None = None
    """The same base, not tuned."""
    constrained: ModelName | None = None
    """The same as `untuned` with its answers limited to valid ones: what it knows apart from the
    form of its answers."""
    contrasts: tuple[ContrastName, ...] = ()
    """Contrasts that test the model against `constrained`, or `untuned` where that has no answers,
    and against the best simple baseline."""

    def problems(self, inputs: Inputs) -> list[str]:
        """Names of published rows that do not exist."""
        return [
            f"general: {row} is not in table {table} of {inputs.published.path}"
            for table in dict.fromkeys(self.settings.values())
            for row in self.general
            if not inputs.published.has(table, row)
        ]

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores, comparisons and published numbers: panels for each setting, with
        a paragraph on its claims."""
        study = inputs.study
        claims: list[tuple[str, list[Claim]]] = []
        for setting in self.settings:
            made = (self._claim(inputs, task, setting) for task in self.tasks)
            if found := [one for one in made if one]:
                claims.append((study.setting_title(setting), found))
        panels = [one for title, of in claims for one in self._panels(study, title, of)]
        notes = (
            *self._notes(study, [claim for _, found in claims for claim in found]),
            *mark_notes(panels, with_intervals=self.explains_intervals),
        )
        paragraphs = [
            claims_paragraph(
                title[:1].upper() + title[1:],
                self.model,
                found,
                untuned=self.untuned,
                constrained=self.constrained,
                margin=self.margin,
            )
            for title, found in claims
        ]
        if self.general and not study.data.comparable:
            paragraphs.insert(
                0,
                f"The published models answered other records than these ({study.data.source}), so "
                f"their scores cannot be compared: {self.model} is compared only with rows of this "
                "study.",
            )
        return self.table(name, panels, notes, study.data, paragraphs)

    def _compares(self, study: TableContext) -> bool:
        """Whether published rows are compared with ours."""
        return study.data.comparable and bool(self.general)

    def _claim(self, inputs: Inputs, task: str, setting: str) -> Claim | None:
        """The claim of a task; None where the model does not answer it."""
        study, scores = inputs.study, inputs.scores
        names = (self.model, self.untuned, self.constrained)
        measured, untuned, limited = (scores.of(name, task, setting) for name in names)
        if measured is None:
            return None
        ours, own = measured.cell, measured.cell.interval
        cells = {
            "metric": text_cell(study.tasks[task].metric),
            "records": count_cell(measured.records, ours.sources),
            "ours": ours,
        }
        if untuned:
            share, sources = untuned.invalid, untuned.sources
            cells["untuned"] = untuned.plain
            cells["invalid"] = number_cell(share, lambda of: percent_text(of, 0), sources)
            cells["like"] = number_cell(untuned.lenient, score_text, sources)
        if limited:
            cells["like"] = limited.plain
        without = self.constrained if limited else self.untuned
        cells["tuning"] = self._difference(inputs, task, setting, without)
        others: dict[str, dict[str, Cell]] = {}
        table = self.settings[setting]
        if self._compares(study):
            others["general"] = {
                row: inputs.published.cell(table, row, task) for row in self.general
            }
        if simple := scores.simple(task, setting):
            others["simple"] = {simple[0]: simple[1].plain}
            cells["beating"] = self._difference(inputs, task, setting, simple[0])
        for key, rows in others.items():
            if (row := best(rows)) is not None:
                cells |= {f"{key} row": text_cell(row, rows[row].sources), key: rows[row]}

        def judge(key: str, judgement: str) -> None:
            """By the interval, with a star where that may be too narrow."""
            star = "" if own and own.reliable else "*"
            cells[key] = Cell(judgement, f"{judgement}{star}", sources=ours.sources)

        general, baseline = cells.get("general", Cell()), cells.get("simple", Cell()).number
        value, published, outcome = ours.number, general.number, None
        cells["difference"] = Cell(sources=(*ours.sources, *general.sources))
        if value is not None and published is not None:
            difference, rounding = value - published, inputs.published.rounding(table, task)
            sources = cells["difference"].sources
            cells["difference"] = number_cell(difference, difference_text, sources)
            outcome = sign(difference, rounding)
            if own:
                n = measured.records if study.tasks[task].proportion else None
                interval = difference_interval(value, own, published, n)
                judge("interval", interval.position(0.0, rounding))
                if baseline is not None:
                    margins = published, baseline, self.margin, rounding
                    judge("within", close_enough(interval, *margins))
        if own and baseline is not None:
            judge("interval of simple", own.position(baseline))
        return Claim(task, cells, outcome, limited is not None)

    def _difference(self, inputs: Inputs, task: str, setting: str, other: str | None) -> Cell:
        """The difference to another row, as the first contrast has it that compares them."""
        found = (
            difference_cell(task, row)
            for _, row in inputs.compared([task], *self.contrasts)
            if (row.a, row.b, row.setting) == (self.model, other, setting)
        )
        return next(found, Cell())

    def _panels(self, study: TableContext, title: str, claims: Sequence[Claim]) -> Iterator[Panel]:
        """The model beside published rows, if it may be compared with them, and beside own rows."""
        rows = {"": {one.task: one.cells for one in claims}}

        def panel(panel_title: str, heads: Sequence[HeaderCell]) -> Panel:
            return Panel(panel_title, "Task", tuple(heads), row_groups(heads, rows), title)

        heads, own = list(OURS), title
        if self._compares(study):
            within = HeaderCell("within", "Within", f"{100 * self.margin:g} % of gain", form="text")
            yield panel(f"{title}: published rows", [*heads, *AGAINST_GENERAL, within])
            heads, own = [], f"{title}: rows of this study"
        if self.untuned is not None:
            heads += AGAINST_UNTUNED
            heads += [TUNING] if _tested(claims, "tuning") else []
        if any("simple" in one.cells for one in claims):
            heads += AGAINST_SIMPLE
            heads += [BEATING if _tested(claims, "beating") else INTERVAL_OF_SIMPLE]
        if heads:
            yield panel(own, heads)

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
            tasks = dict.fromkeys(one.task for one in claims if not one.limited)
            limited = f"{self.constrained}, whose answers are limited to valid ones"
            lenient = f"{self.untuned} by a parser that looks for the answer anywhere in its text"
            if self.constrained is not None:
                lenient = f"{limited}; {', '.join(tasks)}: {lenient}" if tasks else limited
            yield (
                f"Untuned: {self.untuned}; free: its strict score; invalid: the share of its "
                f"answers that cannot be parsed; any form: {lenient}."
            )
            if _tested(claims, "tuning"):
                rest = (
                    f"; {', '.join(tasks)}: to {self.untuned}" if self.constrained and tasks else ""
                )
                yield f"Difference to untuned: to {self.constrained or self.untuned}{rest}."
        if any("simple" in one.cells for one in claims):
            yield "Best simple: the best trivial or learned baseline, chosen without test records."
        if self._compares(study) or not _tested(claims, "beating"):
            yield (
                "Above, contains, below: whether our 95 % interval lies above the other score, "
                "contains it or lies below it."
            )
        differences = ((one, one.cells.get(key)) for one in claims for key in ("tuning", "beating"))
        yield from unmarked_notes(
            (mark, one.task) for one, cell in differences if cell for mark in cell.marks
        )
        if seeds > 1:
            yield JOINT


def _tested(claims: Sequence[Claim], key: str) -> bool:
    """Whether a difference was tested in any task."""
    return any(one.number(key) is not None for one in claims)
