"""The results table of one setting: published rows, baselines, untuned and tuned models."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.schemas.settings import Closed
from ecslm.tables import notes
from ecslm.tables.entry import TASK_COLUMNS, ScoresEntry
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, RowKind, Simple, Table, best
from ecslm.tables.references import AnyModelName, BaselineName, ModelName, SettingName, TaskName
from ecslm.tables.scores import Measured, score_files

# Marks the rows that show the best of several models, as the template does.
CHOSEN_SIGN = "\N{SECTION SIGN}"


class Rows(Closed):
    """A group of rows of a results table, of one sort."""

    group: str
    """Title above the rows."""
    models: tuple[ModelName, ...] = ()
    """The study's models."""
    baselines: tuple[BaselineName, ...] = ()
    """Trivial baselines."""
    published: tuple[str, ...] = ()
    """Rows of the published results."""
    best_of: dict[str, tuple[ModelName, ...]] = {}
    """Rows by name, each with the models of which it shows the best in each column, by the score
    that is shown; marked as such."""
    followed_by_published: bool = False
    """Whether each model's row is followed by its published row."""

    @model_validator(mode="after")
    def _one_sort(self) -> "Rows":
        if sum(map(bool, (self.models, self.baselines, self.published, self.best_of))) != 1:
            raise ValueError("give exactly one of models, baselines, published and best_of")
        if few := [name for name, models in self.best_of.items() if len(set(models)) < 2]:
            raise ValueError(f"best_of: {few[0]} needs two models or more")
        if self.followed_by_published and not self.models:
            raise ValueError("followed_by_published needs models")
        return self


class ResultsEntry(ScoresEntry):
    """Scores of one setting, with a row for each model, baseline and published result."""

    READS: ClassVar = (score_files,)
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES}

    kind: Literal["results"]
    setting: SettingName
    """Evaluation setting."""
    published_table: str | None = None
    """Which published table the published rows come from, for example `IND`."""
    columns: tuple[TaskName, ...] = TASK_COLUMNS
    rows: tuple[Rows, ...] = Field((), min_length=1, validate_default=True)
    """Groups of rows, in order (default: the trivial baselines, then each group of models)."""
    competitors: tuple[str, ...] = ()
    """Rows among which the best and the second of a column are marked."""
    reproduces: dict[AnyModelName, str] = {}
    """Published row of a model, where its name differs from the model's."""

    @model_validator(mode="after")
    def _names(self) -> "ResultsEntry":
        groups = self.rows
        chosen = [name for one in groups for name in one.best_of]
        rows = [name for one in groups for name in (*one.models, *one.baselines, *one.published)]
        following = (model for one in groups if one.followed_by_published for model in one.models)
        followed = [_published_name(self.reproduces.get(model, model)) for model in following]
        others = {*rows, *followed}
        problems = [
            f"competitors: {name} is not a row"
            for name in {*self.competitors}.difference(others, chosen)
        ]
        problems += [
            f"rows: best_of: {name} is also another row: rename it"
            for name in {*others.intersection(chosen), *_twice(chosen)}
        ]
        # Twice the same would compete with itself, or be taken for another.
        problems += [f"rows: {name} is listed twice" for name in _twice(rows)]
        problems += [f"columns: {name} is listed twice" for name in _twice(self.columns)]
        published = followed or any(one.published for one in groups)
        if self.published_table is None and published:
            problems.append("published_table: needed, since rows name published results")
        if problems:
            raise ValueError("; ".join(sorted(problems)))
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """The models of all rows, in order."""
        named = (names for group in self.rows for names in (group.models, *group.best_of.values()))
        return tuple(dict.fromkeys(chain.from_iterable(named)))

    def problems(self, inputs: Inputs) -> Iterator[str]:
        """Names of published rows that do not exist, and models that no row can be the best of."""
        published, models = inputs.published, inputs.study.models
        for group in self.rows:
            for row in group.published:
                if not published.has(self.published_table, row):
                    yield f"rows: {row} is not in table {self.published_table} of {published.path}"
            for name, members in group.best_of.items():
                if len({len(models[member].seeds) for member in members}) > 1:
                    yield f"rows: best_of: the models of {name} have different numbers of seeds"

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from metrics files and published numbers."""
        study, rows = inputs.study, _Rows(self, inputs)
        shown = [group for one in self.rows if (group := rows.group(one)).rows]
        columns = tuple(map(rows.head, self.columns))
        groups = notes.with_marks(shown, columns, self.competitors)
        panel = Panel("", "Model", columns, groups)
        means = [row for row in panel.rows if any(cell.sd is not None for cell in row.cells)]
        seeds = {row.name: len(study.models[rows.first_of(row.name)].seeds) for row in means}
        below = [
            notes.STRICT,
            *notes.record_notes([panel]),
            *notes.fewer_notes(columns),
            *notes.simple_notes(columns),
            *notes.mark_notes([panel], self.competitors, self.explains_intervals),
            *notes.mcc_notes([panel], self.competitors),
            *notes.limit_notes(self.models, study.models),
            *notes.seed_notes(means, seeds, self),
            *notes.constant_notes(rows.constants, "=: "),
            *rows.choices,
        ]
        if rows.without_published:
            below.append(f"No results were published for: {', '.join(rows.without_published)}.")
        if names := [one for one in self.models if not rows.answers(one)]:
            below.append(f"Without answers, and therefore without a row: {', '.join(names)}.")
        return self.table(name, [panel], below, study.data)


def _published_name(model: str) -> str:
    """Name of the published row that follows a model's own."""
    return f"{model} (published)"


def _twice(names: Sequence[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


class _Rows:
    """Builds rows, and keeps what heads and notes tell of them: scores that are those of constants,
    how rows of the best were chosen, and models without published results."""

    def __init__(self, entry: ResultsEntry, inputs: Inputs) -> None:
        self._entry, self._inputs, self._study = entry, inputs, inputs.study
        # By task and row, in the order of the rows.
        self._measured: dict[str, dict[str, Measured]] = {task: {} for task in entry.columns}
        self._constants: dict[str, None] = {}
        self.choices: list[str] = []
        self.without_published: list[str] = []

    @property
    def constants(self) -> list[str]:
        """The scores of constants, in words."""
        return list(self._constants)

    def answers(self, model: str) -> bool:
        """Whether a model answers any of the columns."""
        return not set(self._study.models[model].tasks).isdisjoint(self._entry.columns)

    def first_of(self, row: str) -> str:
        """The model of a row, or the first of those of which it shows the best."""
        best = {name: models for one in self._entry.rows for name, models in one.best_of.items()}
        return next(filter(self.answers, best.get(row, ())), row)

    def group(self, group: Rows) -> RowGroup:
        """The group's rows, in order; models without answers have none."""
        rows = [self._published(name, name) for name in group.published]
        rows += [self._row(name, "baseline") for name in group.baselines]
        for model in filter(self.answers, group.models):
            rows.append(
                self._row(model, "baseline" if self._study.models[model].learned else "model")
            )
            if group.followed_by_published:
                rows += self._following(model)
        for name, models in group.best_of.items():
            if answering := list(filter(self.answers, models)):
                rows.append(self._best_of(name, answering))
        return RowGroup(group.group, tuple(rows))

    def head(self, task: str) -> HeaderCell:
        """The head of a task's column, after all rows were built: it tells their records."""
        simple = self._inputs.scores.simple(task, self._entry.setting)
        value = simple[1].strict if simple else None
        return HeaderCell(
            key=task,
            text=task,
            detail=self._study.tasks[task].metric,
            simple=Simple(simple[0], value) if simple and value is not None else None,
            **notes.counted(self._measured[task]),
        )

    def _row(self, name: str, kind: RowKind) -> Row:
        return Row(name, kind, tuple(self._cell(name, task) for task in self._entry.columns))

    def _cell(self, name: str, task: str) -> Cell:
        """A cell; of a model that nearly always gives the same answer, marked."""
        measured = self._inputs.scores.of(name, task, self._entry.setting)
        cell = self._entry.headline(measured)
        if measured:
            self._measured[task][name] = measured
            if measured.constant and name in self._study.models:
                self._constants[f"{task}, {name}: {measured.constant}"] = None
                return replace(cell, marks=(*cell.marks, "constant"))
        return cell

    def _best_of(self, name: str, models: Sequence[str]) -> Row:
        """The cell of the best model in each column; of equal ones the first."""
        cells, chosen = [], []
        for task in self._entry.columns:
            candidates = {model: self._cell(model, task) for model in models}
            name_of_best = best(candidates)
            # The choice was made from all of them.
            sources = tuple(path for cell in candidates.values() for path in cell.sources)
            cells.append(replace(candidates.get(name_of_best or "", Cell()), sources=sources))
            chosen += [f"{task} {name_of_best}"] if name_of_best else []
        self.choices.append(
            f"{CHOSEN_SIGN} {name}: in each column the best of {', '.join(models)}, chosen by the "
            "score shown, on the test records themselves: this favours it, and its intervals do "
            f"not cover the choice. Chosen: {', '.join(chosen) or 'none'}."
        )
        return Row(name, "model", tuple(cells), marks=("chosen",))

    def _following(self, model: str) -> Iterator[Row]:
        published = self._entry.reproduces.get(model, model)
        if self._inputs.published.has(self._entry.published_table, published):
            yield self._published(published, _published_name(published))
        else:
            self.without_published.append(model)

    def _published(self, published: str, name: str) -> Row:
        entry, source = self._entry, self._inputs.published
        cells = (source.cell(entry.published_table, published, task) for task in entry.columns)
        marks = {"other_data": not self._study.data.comparable, "follows": name != published}
        given = tuple(mark for mark, is_given in marks.items() if is_given)
        return Row(name, "published", tuple(cells), marks=given)
