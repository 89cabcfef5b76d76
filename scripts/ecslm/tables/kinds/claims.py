"""The claims table: one tuned model against the best published, simple and untuned rows."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.tables.claim_words import not_comparable, verdict
from ecslm.tables.claims import Claim, Named, best
from ecslm.tables.differences import difference_cell, read_differences
from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    count_cell,
    difference_text,
    number_cell,
    percent_text,
    score_text,
    text_cell,
)
from ecslm.tables.notes import JOINT, STRICT, data_note, mark_notes
from ecslm.tables.published import Published
from ecslm.tables.references import ContrastName, ModelName, SettingName, TaskName
from ecslm.tables.scores import Scores, metric_files, strict_cell
from ecslm.tables.settings import IntervalsEntry
from ecslm.tables.sources import Sources


class ClaimsEntry(IntervalsEntry):
    """What can be said of one model: its scores beside the best of others, task by task."""

    JUDGES = True

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


Request = TableRequest[ClaimsEntry]

Column = tuple[HeaderCell, Callable[[Claim], Cell]]


def files(request: Request) -> list[str]:
    """Scores with intervals of means over seeds, and comparisons with the untuned base."""
    comparisons = request.context.comparison_files().values()
    return [*metric_files(request.context, with_intervals=True), *comparisons]


def problems(request: Request, resources: Mapping[str, Path]) -> list[str]:
    """Names of published rows that do not exist."""
    path, entry = resources["published"], request.table
    published = Published(path)
    return [
        f"general: {row} is not in table {table} of {path}"
        for table in dict.fromkeys(entry.settings.values())
        for row in entry.general
        if not published.has(table, row)
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files, comparisons and published numbers: a float for each setting,
    with a paragraph of the verdict."""
    entry = request.table
    reader = _Reader(request, sources)
    claims = {
        setting: found
        for setting in entry.settings
        if (found := [one for task in entry.tasks if (one := reader.claim(task, setting))])
    }
    panels = [
        panel for setting, of_it in claims.items() for panel in _panels(request, setting, of_it)
    ]
    notes = (
        *_notes(request, [claim for found in claims.values() for claim in found]),
        *mark_notes(panels, with_intervals=entry.explains_intervals),
        data_note(request.data),
    )
    return entry.table(name, panels, notes, _summary(request, claims))


def _summary(request: Request, claims: Mapping[str, Sequence[Claim]]) -> Iterator[str]:
    entry = request.table
    if entry.general and not request.data.comparable:
        yield not_comparable(entry.model, request.data.source)
    for setting, found in claims.items():
        title = request.context.setting_title(setting)
        yield verdict(
            title[:1].upper() + title[1:],
            entry.model,
            found,
            untuned=entry.untuned,
            constrained=entry.constrained,
            margin=entry.margin,
        )


class _Reader:
    def __init__(self, request: Request, sources: Sources) -> None:
        entry = request.table
        self._entry, self._tasks = entry, request.context.tasks
        self._scores = Scores(sources.results, request.context, with_intervals=True)
        self._differences = read_differences(sources.results, request.context)
        compares = request.data.comparable and entry.general
        self._published = Published(sources.require("published")) if compares else None

    def claim(self, task: str, setting: str) -> Claim | None:
        """The claim of a task; None where the model does not answer it."""
        entry, scores, published = self._entry, self._scores, self._published
        measured = scores.model(entry.model, task, setting)
        if measured is None:
            return None
        untuned, limited = (
            scores.model(name, task, setting) if name else None
            for name in (entry.untuned, entry.constrained)
        )
        if limited:
            like = strict_cell(limited, with_interval=False)
        elif untuned:
            like = number_cell(untuned.lenient(), score_text, untuned.sources)
        else:
            like = Cell()
        simple = scores.simple(task, setting)
        named = {simple[0]: strict_cell(simple[1], with_interval=False)} if simple else {}
        table = entry.settings[setting]
        return Claim(
            task=task,
            n=measured.records,
            ours=strict_cell(measured),
            general=best({row: published.cell(table, row, task) for row in entry.general})
            if published
            else None,
            untuned=strict_cell(untuned, with_interval=False),
            invalid=number_cell(
                untuned.invalid_share(), lambda share: percent_text(share, 0), untuned.sources
            )
            if untuned
            else Cell(),
            like=like,
            limited=limited is not None,
            tuning=self._difference(
                task, setting, {entry.constrained if limited else entry.untuned}
            ),
            simple=best(named),
            beating=self._difference(task, setting, named),
            rounding=published.rounding(table, task) if published else 0.0,
            proportion=self._tasks[task].proportion,
        )

    def _difference(self, task: str, setting: str, others: Collection[str | None]) -> Cell:
        """The difference to one of the others, as the first contrast has it that compares them."""
        found = {
            row.contrast: difference_cell(task, row)
            for of_task, row in self._differences
            if of_task == task
            and (row.a, row.setting) == (self._entry.model, setting)
            and row.b in others
        }
        return next((found[name] for name in self._entry.contrasts if name in found), Cell())


def _panels(request: Request, setting: str, claims: Sequence[Claim]) -> Iterator[Panel]:
    """The model beside published rows, if it may be compared with them, and beside own rows."""
    entry, tasks = request.table, request.context.tasks
    title = own = request.context.setting_title(setting)

    def panel(panel_title: str, columns: Sequence[Column], float_title: str) -> Panel:
        rows = tuple(
            Row(claim.task, "other", tuple(cell(claim) for _, cell in columns)) for claim in claims
        )
        heads = tuple(head for head, _ in columns)
        return Panel(panel_title, "Task", heads, (RowGroup("", rows),), float_title=float_title)

    columns: list[Column] = [
        (_text("metric", "Metric"), lambda one: text_cell(tasks[one.task].metric)),
        (
            HeaderCell("records", "n", form="count"),
            lambda one: count_cell(one.n, one.ours.sources),
        ),
        (HeaderCell("ours", "Ours"), lambda one: one.ours),
    ]
    if request.data.comparable and entry.general:
        columns += _against_general(entry.margin)
        yield panel(f"{title}: published rows", columns, title)
        columns, own = [], f"{title}: rows of this study"
    if entry.untuned is not None:
        columns += _against_untuned(claims)
    if any(claim.simple for claim in claims):
        columns += _against_simple(claims)
    if columns:
        # A second panel is in the float of the first.
        yield panel(own, columns, title if own == title else "")


def _text(key: str, title: str, detail: str = "") -> HeaderCell:
    return HeaderCell(key, title, detail, form="text")


def _against_general(margin: float) -> Iterator[Column]:
    yield from _named("general", "Best general LLM", lambda one: one.general)
    yield HeaderCell("difference", "Difference", "to published"), _difference
    yield (
        _text("interval", "Our interval", "is"),
        lambda one: _judged(one, one.against_general),
    )
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
        return text_cell(found.name, found.cell.sources) if found else Cell()

    def value(claim: Claim) -> Cell:
        found = of(claim)
        return found.cell if found else Cell()

    yield _text(f"{key} row", title), name
    yield HeaderCell(key, "Score"), value


def _difference(claim: Claim) -> Cell:
    published = claim.general.cell.sources if claim.general else ()
    return number_cell(claim.difference, difference_text, (*claim.ours.sources, *published))


def _judged(claim: Claim, judgement: str | None) -> Cell:
    """A judgement by the interval, with a star where that may be too narrow."""
    if judgement is None:
        return Cell()
    star = "" if claim.reliable else "*"
    return Cell(judgement, f"{judgement}{star}", sources=claim.ours.sources)


def _notes(request: Request, claims: Sequence[Claim]) -> Iterator[str]:
    entry = request.table
    compares = request.data.comparable and bool(entry.general)
    seeds = len(request.context.models[entry.model].seeds)
    yield f"Ours: {entry.model}" + (f", mean over {seeds} seeds." if seeds > 1 else ".")
    yield STRICT
    if compares:
        yield (
            f"Best general LLM: the best of {', '.join(entry.general)}, as published. A share of "
            "right answers (accuracy, HR@1) is binomial: both intervals are combined (Newcombe). "
            "Other values are taken as exact up to rounding, since their uncertainty is not known."
        )
        yield (
            f"Within: whether ours is better, or worse by at most {100 * entry.margin:g} % of what "
            "the published score gains over the best simple baseline (by nothing if it gains "
            "nothing): yes for the whole interval of the difference, no for none of it, otherwise "
            "unclear."
        )
    elif entry.general:
        yield "Published values were measured on other data: they are not compared with ours."
    if entry.untuned is not None:
        tasks = dict.fromkeys(claim.task for claim in claims if not claim.limited)
        limited = f"{entry.constrained}, whose answers are limited to valid ones"
        lenient = f"{entry.untuned} by a parser that looks for the answer anywhere in its text"
        if entry.constrained is not None:
            lenient = f"{limited}; {', '.join(tasks)}: {lenient}" if tasks else limited
        yield (
            f"Untuned: {entry.untuned}; free: its strict score; invalid: the share of its answers "
            f"that cannot be parsed; any form: {lenient}."
        )
        if any(claim.tuning.value is not None for claim in claims):
            yield f"Difference to untuned: to {entry.constrained or entry.untuned}" + (
                f"; {', '.join(tasks)}: to {entry.untuned}." if entry.constrained and tasks else "."
            )
    if any(claim.simple for claim in claims):
        yield "Best simple: the best trivial or learned baseline, chosen without test records."
    if compares or all(claim.beating.value is None for claim in claims):
        yield (
            "Above, contains, below: whether our 95 % interval lies above the other score, "
            "contains it or lies below it."
        )
    if seeds > 1:
        yield JOINT


KIND = Kind(
    entry=ClaimsEntry,
    build=build,
    files=files,
    resources={"published": PUBLISHED_SCORES},
    problems=problems,
)
