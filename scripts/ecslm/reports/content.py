"""Everything that the page and the document of a study show, read from its results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.common.files import read_json
from ecslm.figures.settings import FigureName
from ecslm.reports.captions import figure_caption, shows_published
from ecslm.reports.deviations import deviations
from ecslm.reports.settings import ReportSettings, adapter_manifests, base_names
from ecslm.reports.simple_as_good import as_good_in_tables
from ecslm.schemas.paths import ADAPTER, BASE, TABLE_JSON
from ecslm.tables.model import Table, read_table

# Kinds of tables whose summary is the verdict. That of costs is not one of them: measured times may
# be in tables, but not in the text of the document.
VERDICT = ("claims",)

ONE_SEED = "Each model was trained with a single seed: how much training runs differ is not known."
SEEN = "Base models may have seen test records, or texts like them, before they were tuned."
# Of studies on the data of the paper that this project reproduces.
CONTAMINATION = (
    "Base models and general models, the published ones included, may have seen the test records "
    "or the texts that they are made of: ECInstruct is built from public data, among them Amazon "
    "reviews, the ESCI queries and the Amazon-Google products."
)
QUOTED = "Values of models that were not run here are quoted as published."
OTHER_DATA = (
    "The numbers say nothing about the data on which the published values were measured, nor about "
    "other kinds of records."
)


@dataclass(frozen=True)
class Trained:
    """What the adapters of a model were trained on, by its first seed."""

    records: int
    tokens: int
    """Tokens of prompts and answers, in all epochs."""


@dataclass(frozen=True)
class IntervalFigures:
    """The interval figures of a table: its title, their common caption, their names."""

    title: str
    caption: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """Tables, captions and manifests of a study.

    Attributes:
        captions: of the figures, by name.
        adapters: manifests of adapters, by path; `bases`: those of bases.
        as_good: where a simple baseline is as good as a model.
        verdict: paragraphs that say what was found.
        deviations: from the study whose published values are shown, if any are.
        commit: that of the project when the report was built, None if there is none.
    """

    settings: ReportSettings
    tables: tuple[Table, ...]
    captions: Mapping[str, str]
    adapters: Mapping[str, Any]
    bases: Mapping[str, Any]
    as_good: tuple[str, ...]
    verdict: tuple[str, ...]
    deviations: tuple[str, ...]
    commit: str | None

    def figures(self, *kinds: str, table: str | None = None) -> list[FigureName]:
        """The figures of some kinds, of one table or of all."""
        return [
            figure
            for figure in self.settings.figures
            if figure.kind in kinds and table in (None, figure.table)
        ]

    @property
    def intervals(self) -> list[IntervalFigures]:
        """The interval figures, by table."""
        found = []
        for table in self.tables:
            names = tuple(figure.name for figure in self.figures("intervals", table=table.name))
            if names:
                found.append(IntervalFigures(table.caption, self.captions[names[0]], names))
        return found

    @property
    def trained(self) -> dict[str, Trained]:
        """What models were trained on, by name."""
        found = {}
        for model in self.settings.models:
            if model.training is not None:
                made = self.adapters[ADAPTER.format(model=model.name, seed=model.seeds[0])]
                counts = (sum(made.get(name, {}).values()) for name in ("records", "tokens"))
                records, tokens = counts
                found[model.name] = Trained(records, tokens * model.training.epochs)
        return found

    @property
    def manifests(self) -> dict[str, Any]:
        """The manifests of adapters and bases, by what they are of."""
        adapters = {
            path.removesuffix("/manifest.json"): made for path, made in self.adapters.items()
        }
        return adapters | {f"bases/{name}": made for name, made in self.bases.items()}

    @property
    def published(self) -> bool:
        """Whether values that others have published stand beside the study's own."""
        return shows_published(self.tables)

    @property
    def limits(self) -> list[str]:
        """Sentences on what the results do not show, as far as the settings tell."""
        trained = [len(model.seeds) for model in self.settings.models if model.training is not None]
        not_run = ", ".join(self.settings.not_run)
        partly = "; ".join(map(self.settings.setting_title, self.settings.partly_shown))
        return [
            "Intervals and tests hold for records like these test records and for these adapters: "
            "another training run may differ by more.",
            *([ONE_SEED] if trained and max(trained) == 1 else []),
            *([OTHER_DATA] if self.published and not self.settings.comparable else []),
            *([QUOTED] if self.published else []),
            *([f"In the configuration, but not run here: {not_run}."] if not_run else []),
            *(
                [f"Some scores of these settings are only in scores.csv: {partly}."]
                if partly
                else []
            ),
            CONTAMINATION if self.settings.comparable and self.settings.of_the_paper else SEEN,
            "Computation is counted, not measured: the time and money that it takes depend on the "
            "machine.",
        ]

    @property
    def doubled(self) -> bool:
        """Whether a published value was printed as twice a recall."""
        return any(
            "doubled" in cell.marks
            for table in self.tables
            for panel in table.panels
            for row in panel.rows
            for cell in row.cells
        )

    def of_kind(self, *kinds: str) -> list[Table]:
        """The tables of some kinds."""
        return [table for table in self.tables if table.kind in kinds]


def read_content(
    settings: ReportSettings, results: Path, bases: Path, commit: str | None
) -> Content:
    """Read tables and manifests.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    tables = tuple(
        read_table(results / TABLE_JSON.format(table=table.name)) for table in settings.tables
    )
    of_setting = [
        (settings.setting_title(one.setting), table)
        for one, table in zip(settings.tables, tables, strict=True)
        if one.setting is not None
    ]
    return Content(
        settings=settings,
        tables=tables,
        captions={figure.name: figure_caption(figure, tables) for figure in settings.figures},
        adapters={path: read_json(results / path) for path in adapter_manifests(settings)},
        bases={base: read_json(bases / BASE.format(base=base)) for base in base_names(settings)},
        as_good=tuple(as_good_in_tables(of_setting, settings.judged)),
        verdict=tuple(
            paragraph for table in tables if table.kind in VERDICT for paragraph in table.summary
        ),
        deviations=tuple(deviations(settings)),
        commit=commit,
    )
