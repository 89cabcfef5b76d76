"""Deviations of a study from the published one, as far as its settings show them."""

from collections.abc import Iterator, Sequence

from ecslm.models.precision import Precision
from ecslm.reports.settings import ReportModel, ReportSettings
from ecslm.training.settings import TrainingSettings

# Settings that decide how something is computed, not what.
TECHNIQUE = frozenset(
    ("batch_tokens", "packing", "gradient_checkpointing", "fused", "deterministic")
)


def deviations(settings: ReportSettings) -> list[str]:
    """A sentence for each deviation.

    The defaults of the training settings are those of the paper that this project reproduces, and
    that of quantisation is the format of QLoRA, which the paper names without a format; the recipe
    of any other paper is not known.
    """
    found = []
    if not settings.comparable:
        found.append(
            f"The records are not those of the published study ({settings.data_source}): its "
            "values are shown for scale only, and not compared with ours."
        )
    tuned = [model for model in settings.models if model.training is not None]
    if settings.of_the_paper:
        found += _different(tuned)
    return found


def _different(tuned: Sequence[ReportModel]) -> Iterator[str]:
    """Settings of training and precision with other values than the published ones."""
    models: dict[tuple[str, str, str], list[str]] = {}
    for model in tuned:
        for own, published in (
            (model.training, TrainingSettings()),
            (model.precision, Precision()),
        ):
            values = {} if own is None else own.model_dump()
            for name, value in published.model_dump().items():
                if name not in TECHNIQUE and values.get(name, value) != value:
                    key = name, _shown(values[name]), _shown(value)
                    models.setdefault(key, []).append(model.name)
    for (name, ours, theirs), names in models.items():
        of = "all tuned models" if len(names) == len(tuned) else ", ".join(names)
        yield f"{name.replace('_', ' ').capitalize()} {ours} instead of {theirs}: {of}."


def _shown(value: object) -> str:
    if value is None:
        return "no limit"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
