"""What a study has measured of time, memory and energy as tidy rows: `costs.parquet`.

A row has what training an adapter took, or what answers to a task did, or how long a model takes
to answer prompts one at a time. These are clock values: no two runs have the same.
"""

from pathlib import Path

import pandas as pd

from ecslm.common.files import read_model
from ecslm.schemas.cost import CostFile, LatencyFile
from ecslm.schemas.paths import ADAPTER_COST, LATENCY, PREDICTIONS_COST
from ecslm.tidy.rows import COUNT, NUMBER, TEXT, Row, TidySettings

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


def cost_rows(settings: TidySettings) -> list[Row]:
    """What the rows are of, each with its file: steps, models, seeds and tasks."""
    models, rows = settings.context.models, list[Row]()
    adapters = {(one.adapter_of, seed): None for one in models.values() for seed in one.seeds}
    for name, seed in sorted(job for job in adapters if job[0] is not None):
        job = {"model": name, "seed": seed}
        rows.append({"step": TRAINING, **job, "source": ADAPTER_COST.format(**job)})
    for name, model in sorted(models.items()):
        for seed in model.seeds:
            for task in model.tasks:
                job = {"model": name, "seed": seed, "task": task}
                rows.append({"step": ANSWERS, **job, "source": PREDICTIONS_COST.format(**job)})
    for name in sorted(settings.timed):
        source = LATENCY.format(model=name)
        rows.append({"step": SINGLE_ANSWERS, "model": name, "source": source})
    return rows


def cost_frame(settings: TidySettings, results: Path) -> pd.DataFrame:
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
    return pd.DataFrame(rows, columns=[*COLUMNS]).assign(study=settings.study).astype(COLUMNS)
