"""What a study has measured of time, memory and energy as tidy rows: `costs.parquet`.

A row has what training an adapter took, or what answers to a task did, or how long a model takes
to answer prompts one at a time. These are clock values: no two runs have the same.
"""

from pathlib import Path
from typing import Any

from ecslm.common.files import read_model
from ecslm.common.tidy_rows import COUNT, NUMBER, TEXT, TidyRow, tidy_frame
from ecslm.schemas.cost import CostFile, LatencyFile
from ecslm.schemas.paths import ADAPTER_COST, LATENCY, PREDICTIONS_COST
from ecslm.tidy.settings import CostsSettings

COLUMNS = {
    **dict.fromkeys(("study", "step", "model"), TEXT),
    **{"seed": COUNT, "task": TEXT, "device": TEXT, "devices": COUNT},
    **dict.fromkeys(("load_seconds", "seconds", "peak_memory_bytes", "energy_joules"), NUMBER),
    **dict.fromkeys(("prompts", "prompt_tokens", "generated_tokens"), COUNT),
    **dict.fromkeys(("p50_seconds", "p95_seconds"), NUMBER),
    "source": TEXT,
}
# Values of `step`.
TRAINING, ANSWERS, SINGLE_ANSWERS = "training", "answers", "single answers"


def cost_rows(settings: CostsSettings) -> list[TidyRow]:
    """What the rows are of, each with its file: steps, models, seeds and tasks."""
    study, timed = settings.context, ({"model": name} for name in settings.timed)
    return [
        {"step": step, **job, "source": path.format(**job)}
        for step, path, jobs in (
            (TRAINING, ADAPTER_COST, study.adapters),
            (ANSWERS, PREDICTIONS_COST, study.answers),
            (SINGLE_ANSWERS, LATENCY, timed),
        )
        for job in jobs
    ]


def cost_frame(settings: CostsSettings, results: Path) -> Any:
    """All costs: trainings, answers, single answers. What is not known is missing.

    Raises:
        InputError: a file is missing or has another form.
    """
    rows = cost_rows(settings)
    for row in rows:
        if row["step"] == SINGLE_ANSWERS:
            latency = read_model(results / row["source"], LatencyFile)
            row |= latency.model_dump(exclude={"answers"}) | {"prompts": len(latency.answers)}
        else:
            row |= read_model(results / row["source"], CostFile).model_dump()
    return tidy_frame((row | {"study": settings.study} for row in rows), COLUMNS)
