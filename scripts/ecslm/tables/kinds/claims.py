"""The claims table: one tuned model against the best published, simple and untuned rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.comparisons.results import read_comparisons
from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.tables.claim_words import not_comparable, verdict
from ecslm.tables.claims import Claim, Named, best
from ecslm.tables.differences import comparison_files, difference_cell
from ecslm.tables.kind import Kind
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
)
from ecslm.tables.notes import JOINT, STRICT, data_note, mark_notes
from ecslm.tables.published import Published
from ecslm.tables.references import (
    ContrastName,
    ModelName,
    SettingName,
    TaskName,
)
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Measured, Scores, strict_cell
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


@dataclass(frozen=True)
class _Column:
    """A column, with its cell for each task."""

    head: HeaderCell
    cells: Mapping[str, Cell]


def files(request: Request) -> list[str]:
    """Scores with intervals of means over seeds, and comparisons with the untuned base."""
    context = request.context
    return [
        *metric_files(context, with_intervals=True),
        *comparison_files(context).values(),
    ]


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
    claims = _claims(request, sources)
    panels = tuple(
        panel for setting, found in claims.items() for panel in _panels(request, setting, found)
    )
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=panels,
        notes=(
            *_notes(request, [claim for found in claims.values() for claim in found]),
            *mark_notes(panels, with_intervals=entry.explains_intervals),
            data_note(request.data),
        ),
        summary=tuple(_summary(request, claims)),
    )


def _summary(request: Request, claims: Mapping[str, Sequence[Claim]]) -> Iterator[str]:
    entry = request.table
    if entry.general and not request.data.comparable:
        yield not_comparable(entry.model, request.data.source)
    for setting, found in claims.items():
        title = request.context.setting_title(setting)
        where = title[:1].upper() + title[1:]
        yield verdict(
            where,
            entry.model,
            found,
            untuned=entry.untuned,
            constrained=entry.constrained,
            margin=entry.margin,
        )


def _claims(request: Request, sources: Sources) -> dict[str, list[Claim]]:
    """The claims by setting, for the tasks that the model answers in it."""
    reader = _Reader(request, sources)
    found = {
        setting: [
            claim
            for task in request.table.tasks
            if (claim := reader.claim(task, setting)) is not None
        ]
        for setting in request.table.settings
    }
    return {setting: claims for setting, claims in found.items() if claims}


class _Reader:
    def __init__(self, request: Request, sources: Sources) -> None:
        entry = request.table
        self._request, self._results = request, sources.results
        self._scores = Scores(sources.results, request.context, with_intervals=True)
        compares = request.data.comparable and entry.general
        self._published = Published(sources.require("published")) if compares else None

    def claim(self, task: str, setting: str) -> Claim | None:
        """The claim of a task; None where the model does not answer it."""
        entry, scores = self._request.table, self._scores
        measured = scores.model(entry.model, task, setting)
        if measured is None:
            return None
        untuned = entry.untuned and scores.model(entry.untuned, task, setting)
        limited = entry.constrained and scores.model(entry.constrained, task, setting)
        simple = scores.simple(task, setting)
        named = {} if simple is None else {simple[0]: strict_cell(simple[1], with_interval=False)}
        return Claim(
            task=task,
            n=measured.seeds[0].n,
            ours=strict_cell(measured),
            general=self._general(task, entry.settings[setting]),
            untuned=strict_cell(untuned or None, with_interval=False),
            invalid=_invalid_cell(untuned) if untuned else Cell(),
            like=(
                strict_cell(limited, with_interval=False)
                if limited
                else _lenient_cell(untuned)
                if untuned
                else Cell()
            ),
            limited=bool(limited),
            tuning=self._difference(
                task, setting, {entry.constrained if limited else entry.untuned}
            ),
            simple=best(named),
            beating=self._difference(task, setting, named),
            rounding=(
                self._published.rounding(entry.settings[setting], task) if self._published else 0.0
            ),
            proportion=self._request.context.tasks[task].proportion,
        )

    def _general(self, task: str, table: str) -> Named | None:
        if self._published is None:
            return None
        rows = self._request.table.general
        return best({row: self._published.cell(table, row, task) for row in rows})

    def _difference(self, task: str, setting: str, others: Collection[str | None]) -> Cell:
        """The difference to one of the others, as the first contrast has it that compares them."""
        entry = self._request.table
        if task not in comparison_files(self._request.context):
            return Cell()
        found = {
            row.contrast: difference_cell(task, row)
            for row in read_comparisons(self._results, task)
            if row.a == entry.model and row.b in others and row.setting == setting
        }
        return next((found[name] for name in entry.contrasts if name in found), Cell())


def _panels(request: Request, setting: str, claims: Sequence[Claim]) -> Iterator[Panel]:
    """The model beside published rows, if it may be compared with them, and beside own rows."""
    entry = request.table
    title = request.context.setting_title(setting)
    columns, own = [*_own(request, claims)], title
    if request.data.comparable and entry.general:
        columns += _against_general(entry, claims)
        yield _panel(f"{title}: published rows", columns, claims, float_title=title)
        columns, own = [], f"{title}: rows of this study"
    if entry.untuned is not None:
        columns += _against_untuned(claims)
    if any(claim.simple for claim in claims):
        columns += _against_simple(claims)
    if columns:
        # A second panel is in the float of the first.
        yield _panel(own, columns, claims, float_title=title if own == title else "")


def _panel(
    title: str, columns: Sequence[_Column], claims: Sequence[Claim], float_title: str
) -> Panel:
    rows = tuple(
        Row(claim.task, "other", tuple(column.cells[claim.task] for column in columns))
        for claim in claims
    )
    heads = tuple(one.head for one in columns)
    return Panel(title, "Task", heads, (RowGroup("", rows),), float_title=float_title)


def _own(request: Request, claims: Sequence[Claim]) -> Iterator[_Column]:
    metrics = {claim.task: request.context.tasks[claim.task].metric for claim in claims}
    yield _Column(
        HeaderCell("metric", "Metric", form="text"),
        {task: Cell(value=metric, shown=metric) for task, metric in metrics.items()},
    )
    yield _Column(
        HeaderCell("records", "n", form="count"),
        {claim.task: count_cell(claim.n, claim.ours.sources) for claim in claims},
    )
    yield _Column(HeaderCell("ours", "Ours"), {claim.task: claim.ours for claim in claims})


def _against_general(entry: ClaimsEntry, claims: Sequence[Claim]) -> Iterator[_Column]:
    yield from _named("general", "Best general LLM", {one.task: one.general for one in claims})
    yield _Column(
        HeaderCell("difference", "Difference", "to published"),
        {claim.task: _difference(claim) for claim in claims},
    )
    yield _Column(
        HeaderCell("interval", "Our interval", "is", form="text"),
        {claim.task: _judged(claim, claim.against_general) for claim in claims},
    )
    yield _Column(
        HeaderCell("within", "Within", f"{100 * entry.margin:g} % of gain", form="text"),
        {claim.task: _judged(claim, claim.within(entry.margin)) for claim in claims},
    )


def _against_untuned(claims: Sequence[Claim]) -> Iterator[_Column]:
    for key, detail in (("untuned", "free"), ("invalid", "invalid, %"), ("like", "any form")):
        head = HeaderCell(key, "Untuned", detail)
        yield _Column(head, {claim.task: getattr(claim, key) for claim in claims})
    if any(claim.tuning.value is not None for claim in claims):
        yield _Column(
            HeaderCell("tuning", "Difference", "to untuned"),
            {claim.task: claim.tuning for claim in claims},
        )


def _against_simple(claims: Sequence[Claim]) -> Iterator[_Column]:
    yield from _named("simple", "Best simple", {one.task: one.simple for one in claims})
    if any(claim.beating.value is not None for claim in claims):
        yield _Column(
            HeaderCell("beating", "Difference", "to simple"),
            {claim.task: claim.beating for claim in claims},
        )
    else:
        yield _Column(
            HeaderCell("interval of simple", "Our interval", "is", form="text"),
            {claim.task: _judged(claim, claim.against_simple) for claim in claims},
        )


def _invalid_cell(measured: Measured) -> Cell:
    share = measured.invalid_share()
    return number_cell(share, "" if share is None else percent_text(share, 0), measured.sources)


def _lenient_cell(measured: Measured) -> Cell:
    value = measured.lenient()
    return number_cell(value, "" if value is None else score_text(value), measured.sources)


def _named(key: str, title: str, found: Mapping[str, Named | None]) -> Iterator[_Column]:
    """The name of a row, and its value."""
    yield _Column(
        HeaderCell(f"{key} row", title, form="text"),
        {
            task: Cell(one.name, one.name, sources=one.cell.sources) if one else Cell()
            for task, one in found.items()
        },
    )
    yield _Column(
        HeaderCell(key, "Score"), {task: one.cell if one else Cell() for task, one in found.items()}
    )


def _difference(claim: Claim) -> Cell:
    published = claim.general.cell.sources if claim.general else ()
    value = claim.difference
    shown = "" if value is None else difference_text(value)
    return number_cell(value, shown, (*claim.ours.sources, *published))


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
    place=5,
    build=build,
    files=files,
    resources={"published": PUBLISHED_SCORES},
    problems=problems,
)
