"""Hours and cost of the paper's study on several devices, by the pipeline's own estimates.

Writes the part of docs/planning.md between its marks: what the estimates rest on, each model on
each card, and the whole study on each pool of GPUs, on which `pools.py` places its jobs. Nothing is
measured, and no data or weights are needed.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from pools import KINDS, Pool, place, units
from studies import ROOT, cut_down, read_configuration, with_copies, with_study

from ecslm.config.loading import load_config
from ecslm.estimates.estimate import Device, Estimate
from ecslm.plan.requests import Requests
from ecslm.plan.study import Study
from ecslm.schemas.paths import TEMPLATES

PAGE = ROOT / "docs/planning.md"
BEGIN, END = "<!-- written by benchmarks/planning.py: begin -->", "<!-- end -->"
# The models of the paper's tables, as its study has them: three seeds each.
SIX = (
    *("SmolLM-360M-EC", "SmolLM-1.7B-EC", "SmolLM2-360M-EC", "SmolLM2-1.7B-EC"),
    *("Llama-3.2-1B-EC", "Llama-3.2-3B-EC"),
)
CARDS = (
    *("NVIDIA A10G", "NVIDIA RTX 4090", "NVIDIA A100 SXM 80 GB"),
    *("NVIDIA H100 PCIe 80 GB", "NVIDIA H100 SXM 80 GB"),
)
# Starting a job through a scheduler: seven to fourteen seconds were measured with SLURM.
SUBMITTING = 14.0
# Seconds of the steps that run no model, of a study with so many predictions files, on two cores:
# metric_fix.py, benchmarks/README.md.
OTHER_STEPS, OTHER_PREDICTIONS = 153.0, 180
# A study at the graph's limit.
MANY_MODEL, MANY, MANY_SEEDS, MANY_CARD = "SmolLM2-360M-EC", 100, 5, "NVIDIA A100 SXM 80 GB"


POOLS = (
    Pool("1 x 24 GB", "NVIDIA RTX 4090", 1),
    Pool("1 x 24 GB, slow", "NVIDIA A10G", 1),
    Pool("1 x 80 GB", "NVIDIA A100 SXM 80 GB", 1),
    Pool("1 x 80 GB, fast", "NVIDIA H100 PCIe 80 GB", 1),
    Pool("8 x 80 GB", "NVIDIA A100 SXM 80 GB", 8),
    Pool("8 x 80 GB, fast", "NVIDIA H100 SXM 80 GB", 8),
    Pool("SLURM, 32 GPUs of 80 GB", "NVIDIA A100 SXM 80 GB", 32, SUBMITTING),
    Pool("SLURM, 32 GPUs of 24 GB", "NVIDIA A10G", 32, SUBMITTING),
)


def main(arguments: argparse.Namespace) -> None:
    """Write the page, or print its part."""
    part = "\n".join(lines())
    if arguments.print:
        print(part)
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{part}\n{END}{after}", encoding="utf-8")


def lines() -> Iterator[str]:
    """The part of the page."""
    six, whole = plan_of(SIX), plan_of(None)
    yield from ("### Each model on each card", "")
    yield from of_models(Requests(six))
    yield from ("", "### Six models, three seeds", "", counted(six), "")
    yield from of_pools(six)
    yield from ("", "### The whole study, as it is configured", "", counted(whole), "")
    yield from of_pools(whole)
    yield from ("", *not_fitting(whole), "")
    yield from ("### A hundred models, five seeds, a thousand GPUs", "", *of_many(), "")
    yield from ("### What this rests on", "", *assumptions(), "")


def plan_of(models: Sequence[str] | None) -> Study:
    """The paper's study, with these models alone or with all."""
    shipped = read_configuration(ROOT)
    study = shipped["studies"]["paper"]
    if models is not None:
        study = cut_down(
            study, {name: study["models"][name]["seeds"] for name in models}, study["tasks"]
        )
    return Study(load_config(with_study(shipped, study), ROOT / TEMPLATES))


def counted(plan: Study) -> str:
    """How much there is to do."""
    requests, runs = Requests(plan), plan.runs()
    names = ((plan.adapter_name(run["model"]), run["seed"]) for run in runs)
    trainings = {(name, seed) for name, seed in names if name}
    scored = sum(run["task"] in plan.generation_tasks for run in runs)
    answers = sum(
        requests.answered(run["model"], run["task"]).count
        for run in runs
        if run["model"] in plan.local_models
    )
    records = sum(requests.count(task, "train") for task in plan.training_tasks)
    return (
        f"{len(trainings)} trainings, {len(runs):,} predictions files with "
        f"{answers:,} answers, {scored} BERTScores. A training with all records reads "
        f"{records:,} of them in each of {plan.settings.training.epochs} epochs."
    )


def of_models(requests: Requests) -> Iterator[str]:
    """Memory and hours of one seed of each model."""
    yield "| model | card | GB at least | tokens a pass | training, h | ten predictions, h | GB |"
    yield "|---|---|---|---|---|---|---|"
    study = requests.study
    for model in sorted(study.local_models, key=lambda one: weight(requests, one)):
        for card in CARDS:
            device = requests.devices[card]
            training = requests.training(model, device)
            answers = predictions_of(requests, model, device)
            peak = max(one.device_bytes for one in answers) / 1e9
            hours = sum(one.seconds for one in answers) / 3600
            room = "does not fit" if training.budget is None else f"{training.budget:,}"
            yield (
                f"| {model} | {card} | {training.device_bytes / 1e9:.0f} | {room} "
                f"| {training.seconds / 3600:.1f} | {hours:.2f} | {peak:.0f} |"
            )


def weight(requests: Requests, model: str) -> tuple[int, str]:
    """The size of a model."""
    sizes = requests.sizes(requests.study.local_models[model].base)
    return (0 if sizes is None else sizes.stored), model


def predictions_of(requests: Requests, model: str, device: Device) -> list[Estimate]:
    """Of all tasks; the first loads the model."""
    tuned = requests.study.adapter_name(model) is not None
    tasks = requests.study.model_tasks(model)
    return [
        requests.prediction(model, task, device, longest=not tuned, loads=task == tasks[0])
        for task in tasks
    ]


def of_pools(plan: Study) -> Iterator[str]:
    """Hours and cost of a study on each pool."""
    requests = Requests(plan)
    yield (
        "| pool | card | training, GPU-h | predictions, GPU-h | BERTScore, GPU-h | wall, h "
        "| USD an hour | USD |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for pool in POOLS:
        device = requests.devices[pool.card]
        placed = place(units(plan, requests, device, pool.shares), pool)
        hours = [placed.hours.get(kind, 0.0) for kind in KINDS]
        cost = placed.all * device.usd_per_hour
        yield (
            f"| {pool.name} | {pool.card} | {' | '.join(f'{one:.1f}' for one in hours)} "
            f"| {placed.wall + other_steps(plan):.1f} | {device.usd_per_hour:g} | {cost:,.0f} |"
        )


def other_steps(plan: Study) -> float:
    """Hours of the steps that run no model, in proportion to the predictions that they read."""
    predictions = len(plan.runs())
    return OTHER_STEPS / 3600 * predictions / OTHER_PREDICTIONS


def of_many() -> Iterator[str]:
    """Hours and cost of a study with many copies of one model."""
    shipped = read_configuration(ROOT)
    plan = Study(
        load_config(
            with_study(shipped, with_copies(shipped, MANY_MODEL, MANY, MANY_SEEDS)),
            ROOT / TEMPLATES,
        )
    )
    requests = Requests(plan)
    yield (
        f'{MANY} copies of {MANY_MODEL}, simulated in the same way. Here "wall" ends with '
        f"the last job of a GPU. {counted(plan)}"
    )
    yield ""
    yield "| GPUs | card | GPU-h | wall, h | GPUs in use, % | USD |"
    yield "|---|---|---|---|---|---|"
    device = requests.devices[MANY_CARD]
    found = units(plan, requests, device, shares=False)
    for count in (100, 500, 1000):
        placed = place(found, Pool("many", MANY_CARD, count, SUBMITTING))
        used = 100 * placed.all / (placed.wall * count)
        cost = placed.all * device.usd_per_hour
        yield (
            f"| {count:,} | {MANY_CARD} | {placed.all:,.0f} | {placed.wall:.1f} | {used:.0f} "
            f"| {cost:,.0f} |"
        )


def not_fitting(plan: Study) -> Iterator[str]:
    """What predictions of some bases need beside the configuration, by the card."""
    requests, study = Requests(plan), plan
    for card in CARDS:
        device = requests.devices[card]
        bases: dict[str, list[str]] = defaultdict(list)
        for model in study.local_models:
            if change := change_to_fit(requests, model, device):
                bases[change].append(study.local_models[model].base)
        for change, names in bases.items():
            yield f"- {card}: {change} for {', '.join(dict.fromkeys(names))}."


def change_to_fit(requests: Requests, model: str, device: Device) -> str:
    """What makes predictions of a model fit; empty if they do as they are configured."""
    wanted = requests.study.settings.batch_tokens
    if (least := least_budget(requests, model, device)) == wanted:
        return ""
    return f"`batch_tokens: {least}`" if least else "a larger card"


def least_budget(requests: Requests, model: str, device: Device) -> int:
    """Tokens of a batch that fit in all tasks; 0 if in one not even the longest prompt fits."""
    study = requests.study
    tasks = study.model_tasks(model)
    found = (requests.prediction(model, task, device) for task in tasks)
    # Models that do not run here have no task.
    default = study.settings.batch_tokens
    return min((one.budget or 0 for one in found), default=default)


def assumptions() -> Iterator[str]:
    """What the estimates rest on, beside the numbers of `scripts/ecslm/estimates`."""
    yield (
        "- `resources/devices.csv`: speed, memory and price of each device, with where they are "
        "published; prices are those of one provider on one day"
    )
    yield (
        "- `scripts/ecslm/estimates/estimate.py`: the share of these rates that jobs reach, and "
        "what they need beside the model: measured on a CPU, assumed on GPUs"
    )
    yield f"- starting a job through SLURM: {SUBMITTING:g} s (measured on one node, no queue)"
    yield (
        f"- steps that run no model: {OTHER_STEPS:.0f} s for {OTHER_PREDICTIONS} predictions files "
        "(measured: benchmarks/README.md), in proportion for other studies (assumed)"
    )


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the part, and write no file")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
