"""What the page and the document of a study both show, read from its results: tables, captions,
manifests, verdicts, and what the results do not show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.common.files import read_json
from ecslm.models.precision import Precision
from ecslm.reports.settings import ReportSettings, adapter_manifests, base_names
from ecslm.reports.verdict import Verdict, read_verdicts
from ecslm.schemas.paths import ADAPTER, BASE, TABLE_JSON
from ecslm.tables.model import Table, read_table
from ecslm.training.settings import TrainingSettings

INTERVALS = (
    "Bars are 95 % intervals over test records, dashed where they may be too narrow (*). Markers "
    "of tuned models are filled; those of others, and of what was printed as twice a recall, are "
    "hollow. Left out are models whose answers are limited to valid ones, and what was measured on "
    "other data."
)
CAPTIONS = {
    "computation": "{table}: score against computation. Floating-point operations per answer: two "
    "for each weight and each token of the prompt and the answer. This cost does not depend on the "
    f"machine{{costs}}. {INTERVALS}",
    "intervals": "{table}: scores with their intervals. The dotted line is the best simple "
    f"baseline, chosen without test records. {INTERVALS}{{marks}}",
    "records": "{table}: score against the number of training records. The models on a line "
    f"differ only in that number. {INTERVALS}",
    "validation": "Course of training: the share of right answers to the validation records of "
    "each task, by the number of training records seen so far; means over seeds. An answer is "
    "right if each of its tokens is the likeliest after those before it.",
    "loss": "Losses of all trainings, a line for each seed. The loss on training records is a mean "
    "over several steps. Each training keeps the step with the lowest loss on the validation "
    "records.",
}
# Settings that decide how something is computed, not what.
TECHNIQUE = {"batch_tokens", "packing", "gradient_checkpointing", "fused", "deterministic"}


@dataclass(frozen=True)
class Content:
    """Tables, captions and manifests of a study.

    Attributes:
        adapters: manifests of adapters, by path; `bases`: those of bases.
        verdicts: on the model that the answer is about, by setting.
        commit: that of the project when the report was built, None if there is none.
    """

    settings: ReportSettings
    tables: tuple[Table, ...]
    adapters: Mapping[str, Any]
    bases: Mapping[str, Any]
    verdicts: tuple[Verdict, ...]
    commit: str | None

    def figures(self, *kinds: str) -> list[str]:
        """The names of the figures of some kinds."""
        return [one.name for one in self.settings.figures if one.kind in kinds]

    def of_kind(self, *kinds: str) -> list[Table]:
        """The tables of some kinds."""
        return [table for table in self.tables if table.kind in kinds]

    @property
    def captions(self) -> dict[str, str]:
        """Those of the figures, by name, which only mention what the tables show."""
        titles = {table.name: table.caption for table in self.tables}
        costs = "; time and money are in the table of costs" * bool(self.of_kind("cost"))
        marks = " †: printed as twice a recall." * self.published
        return {
            one.name: CAPTIONS[one.kind].format(
                table=titles.get(one.table, ""), costs=costs, marks=marks
            )
            for one in self.settings.figures
        }

    def trained_on(self, model: str) -> tuple[int, int]:
        """Records, and tokens in all epochs, of the adapter of a model's first seed."""
        seed = self.settings.context.models[model].trained[0]
        made = self.adapters[ADAPTER.format(model=model, seed=seed)]
        records, tokens = (sum(made.get(name, {}).values()) for name in ("records", "tokens"))
        training = self.settings.recipes[model].training
        return records, tokens * (training.epochs if training else 1)

    @property
    def computed_in(self) -> str:
        """The types that adapters were trained in: those of their manifests where settings leave it
        to the machine, or else those of the settings."""
        known = set()
        for name, recipe in self.settings.recipes.items():
            for seed in self.settings.context.models[name].trained:
                made = self.adapters[ADAPTER.format(model=name, seed=seed)]
                known.add(made.get("dtype", recipe.precision.dtype))
        return " or ".join(sorted(known - {"auto"}))

    @property
    def published(self) -> bool:
        """Whether values that others have published stand beside the study's own."""
        rows = (row for table in self.tables for panel in table.panels for row in panel.rows)
        return bool(self.of_kind("reproduction")) or any(row.kind == "published" for row in rows)

    @property
    def limits(self) -> Iterator[str]:
        """Sentences on what the results do not show, as far as the settings tell."""
        settings, context = self.settings, self.settings.context
        yield (
            "Intervals and tests hold for records like these test records and for these models: "
            "another training run may differ by more."
        )
        if max((len(model.trained) for model in context.models.values()), default=0) == 1:
            yield (
                "Each model was trained with a single seed: how much training runs differ is not "
                "known."
            )
        if self.published and not context.data.comparable:
            yield (
                "The numbers say nothing about the data on which the published values were "
                "measured, nor about other kinds of records."
            )
        if self.published:
            yield "Values of models that were not run here are quoted as published."
        if not_run := sorted(context.models.keys() - set(settings.models)):
            yield f"In the configuration, but not run here: {', '.join(not_run)}."
        yield "All scores are in scores.csv, also those that no table shows."
        if context.data.comparable and settings.of_the_paper:
            yield (
                "Base models and general models, the published ones included, may have seen the "
                "test records or the texts that they are made of: ECInstruct is built from public "
                "data, among them Amazon reviews, the ESCI queries and the Amazon-Google products."
            )
        else:
            yield (
                "Base models may have seen test records, or texts like them, before they were "
                "tuned."
            )
        yield "Time and money depend on the machine."

    @property
    def deviations(self) -> list[str]:
        """A sentence for each deviation from the published study, as far as settings show them.

        The defaults of the training settings are those of the paper that this project reproduces,
        and that of quantisation is the format of QLoRA, which the paper names without a format;
        the recipe of any other paper is not known.
        """
        data, recipes = self.settings.context.data, self.settings.recipes
        found = [
            f"The records are not those of the published study ({data.source}): its values are "
            "shown for scale only, and not compared with ours."
        ] * (not data.comparable)
        tuned = {name: one for name, one in sorted(recipes.items()) if one.training is not None}
        models: dict[str, list[str]] = {}
        published = TrainingSettings().model_dump() | Precision().model_dump()
        for model, recipe in tuned.items() if self.settings.of_the_paper else ():
            assert recipe.training is not None
            own = recipe.training.model_dump() | recipe.precision.model_dump()
            for name in (one for one in published if one not in TECHNIQUE):
                if own[name] != published[name]:
                    what = name.replace("_", " ").capitalize()
                    change = f"{what} {_shown(own[name])} instead of {_shown(published[name])}"
                    models.setdefault(change, []).append(model)
        for change, names in models.items():
            of = "all tuned models" if len(names) == len(tuned) else ", ".join(names)
            found.append(f"{change}: {of}.")
        return found


def read_content(
    settings: ReportSettings, results: Path, bases: Path, commit: str | None
) -> Content:
    """Read tables, scores and manifests.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    tables = tuple(read_table(results / TABLE_JSON.format(table=name)) for name in settings.tables)
    return Content(
        settings=settings,
        tables=tables,
        adapters={path: read_json(results / path) for path in adapter_manifests(settings)},
        bases={base: read_json(bases / BASE.format(base=base)) for base in base_names(settings)},
        verdicts=tuple(read_verdicts(results, settings, tables)),
        commit=commit,
    )


def _shown(value: object) -> str:
    if value is None:
        return "no limit"
    if value == "auto":
        return "bfloat16, or float32 on a CPU without it,"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
