"""What the page and the document say of a study, beyond the tables themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.common.files import read_json
from ecslm.common.manifests import read_result
from ecslm.common.tidy_rows import read_tidy
from ecslm.reports.settings import ReportSettings, base_names
from ecslm.reports.verdict import Verdict, prices_of, verdicts_of
from ecslm.schemas.paths import ADAPTER, BASE, COSTS_PARQUET, SCORES_PARQUET, TABLE_JSON
from ecslm.tables.model import Cell, Row, Table
from ecslm.tables.scores import Scores

CAPTIONS = {
    "computation": "{table}: score against computation. Floating-point operations for each token: "
    "two for each weight.",
    "intervals": "{table}, with intervals. The dotted line is the best simple "
    "baseline, chosen without test records.",
    "records": "{table}: score against the share of the training records. The models on a line "
    "differ only in that share.",
    "loss": "Losses of all trainings, a line for each seed. The loss on training records is a mean "
    "over several steps. Each training keeps the step with the lowest loss on the validation "
    "records.",
}
# Of figures that show scores of a table.
SCORES = (
    " Bars are 95 % intervals over test records. Markers of tuned models are filled, those of "
    "others hollow. Left out are models whose answers are limited to valid ones, and what was "
    "measured on other data."
)
DOUBTFUL = " Dashed bars (*) may be too narrow."
DOUBLED = " †: printed as twice a recall."


@dataclass(frozen=True)
class Content:
    """Tables, captions and manifests of a study.

    Attributes:
        adapters: manifests of adapters, by path; `bases`: those of bases.
        verdicts: on the model that the answer is about, by setting.
        prices: what is known of its costs: of what, how much, and what else is known.
        commit: that of the project when the report was built, None if there is none.
    """

    settings: ReportSettings
    tables: tuple[Table, ...]
    adapters: Mapping[str, Any]
    bases: Mapping[str, Any]
    verdicts: tuple[Verdict, ...]
    prices: tuple[tuple[str, str, str], ...]
    commit: str | None

    def of_kind(self, *kinds: str) -> list[Table]:
        """The tables of some kinds."""
        return [table for table in self.tables if table.kind in kinds]

    @property
    def rows(self) -> list[Row]:
        """Those of all tables."""
        return [row for table in self.tables for panel in table.panels for row in panel.rows]

    @property
    def cells(self) -> list[Cell]:
        """Those of all tables."""
        return [cell for row in self.rows for cell in row.cells]

    @property
    def captions(self) -> dict[str, str]:
        """Those of the figures, by name, which only mention what there is."""
        titles = {table.name: table.caption for table in self.tables}
        doubtful = any(one.interval and not one.interval.reliable for one in self.cells)
        marks = DOUBTFUL * doubtful + DOUBLED * any("doubled" in one.marks for one in self.cells)
        return {
            one.name: CAPTIONS[one.kind].format(table=titles.get(one.table))
            + (SCORES + marks) * bool(one.table)
            for one in self.settings.figures
        }

    def adapter_of(self, model: str) -> Any:
        """The manifest of a tuned model's first adapter: the others were trained on as much."""
        seed = self.settings.context.models[model].trained[0]
        return self.adapters[ADAPTER.format(model=model, seed=seed)]

    @property
    def published(self) -> bool:
        """Whether a table shows values that others have published."""
        return bool(self.of_kind("reproduction")) or any(
            row.kind == "published" for row in self.rows
        )

    @property
    def limits(self) -> Iterator[str]:
        """What the numbers do not show."""
        context, models = self.settings.context, self.settings.models
        yield (
            "Intervals and tests hold for records like these test records and for these models: "
            "another training run may differ by more."
        )
        if max((len(model.trained) for model in context.models.values()), default=0) == 1:
            yield "Each model is trained with a single seed: how much runs differ is not known."
        if self.published and not context.data.comparable:
            yield (
                "The numbers say nothing about the data on which the published values were "
                "measured, nor about other kinds of records."
            )
        if not_run := sorted(context.models.keys() - set(models)):
            yield f"In the configuration, but not run here: {', '.join(not_run)}."
        yield "All scores are in scores.csv, also those that no table shows."
        seen = "Base models may have seen test records, or texts like them, before they were tuned"
        if "ECInstruct" in context.data.source:
            seen += (
                ", and so may published ones: ECInstruct is built from public data, among them "
                "Amazon reviews, the ESCI queries and the Amazon-Google products"
            )
        yield f"{seen}."
        yield "Time and money depend on the machine."


def read_content(
    settings: ReportSettings, results: Path, bases: Path, commit: str | None
) -> Content:
    """The content of a report.

    Args:
        bases: the directory of all bases.

    Raises:
        InputError: a result is altered or invalid.
        OSError: one is missing.
    """
    files = (results / TABLE_JSON.format(table=name) for name in settings.tables)
    tables = tuple(read_result(path, Table) for path in files)
    adapters = [ADAPTER.format(**job) for job in settings.context.adapters]
    scores = Scores(read_tidy(results / SCORES_PARQUET), settings.context)
    costs = read_tidy(results / COSTS_PARQUET)
    return Content(
        settings=settings,
        tables=tables,
        adapters={path: read_json(results / path) for path in adapters},
        bases={base: read_json(bases / BASE.format(base=base)) for base in base_names(settings)},
        verdicts=tuple(verdicts_of(scores, costs, settings, tables)),
        prices=tuple(prices_of(costs, settings)),
        commit=commit,
    )
