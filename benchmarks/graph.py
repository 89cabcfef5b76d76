"""How large a study Snakemake can plan and schedule: time, memory and files of its main process.

Two measurements. `--plan`: dry runs of our workflow, of the paper's study with many copies of one
tuned model, each with five seeds and ten tasks. `--schedule`: real runs of a bare workflow of the
same shape (a training, ten predictions after it, a score of each) on made-up GPUs. Its jobs write
an empty file, so that what is measured is Snakemake's own part.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from processes import ROOT, copy_project, snakemake
from studies import read_configuration, with_copies, with_study
from support.stated_jobs import jobs_of

from ecslm.config.loading import load_config
from ecslm.plan.study import Study
from ecslm.schemas.paths import TEMPLATES

MODEL, SEEDS = "SmolLM2-360M-EC", 5
# A training, ten predictions and ten scores; a file each.
BARE = """
N = int(config["trainings"])

rule all:
    input: expand("made/{n}/score-{t}", n=range(N), t=range(10))

rule train:
    output: "made/{n}/adapter"
    resources: gpu=1
    shell: "true > {output}"

rule predict:
    input: "made/{n}/adapter"
    output: "made/{n}/answers-{t}"
    resources: gpu=1
    shell: "true > {output}"

rule score:
    input: "made/{n}/answers-{t}"
    output: "made/{n}/score-{t}"
    shell: "true > {output}"
"""


def main(arguments: argparse.Namespace) -> None:
    """Measure and print a row for each size."""
    if arguments.plan:
        print(
            "| models | jobs | GPU jobs | files | dry run, s | CPU, s | reading rules, CPU s "
            "| MiB |\n"
            "|---|---|---|---|---|---|---|---|"
        )
    for models in arguments.plan:
        with tempfile.TemporaryDirectory() as folder:
            print(planned(copy_project(Path(folder)), models), flush=True)
    if arguments.schedule:
        print(
            f"\n{arguments.gpus:,} GPUs, {arguments.cores} jobs at a time\n\n"
            "| trainings | jobs | run, s | ms a job | CPU, s | MiB | files of records |\n"
            "|---|---|---|---|---|---|---|"
        )
    for trainings in arguments.schedule:
        with tempfile.TemporaryDirectory() as folder:
            print(scheduled(Path(folder), trainings, arguments), flush=True)


def planned(project: Path, models: int) -> str:
    """A dry run of our workflow where nothing is made yet."""
    shipped = read_configuration(ROOT)
    configuration = with_study(shipped, with_copies(shipped, MODEL, models, SEEDS))
    # JSON is YAML.
    (project / "config.yaml").write_text(json.dumps(configuration, default=str))
    plan = Study(load_config(configuration, ROOT / TEMPLATES))
    made = jobs_of(plan)
    on_gpu = sum(job.rule in {"train_adapter", "predict", "bertscore"} for job in made)
    files = sum(len(job.files) for job in made)
    # Before the run that counts, which then compiles nothing.
    alone = [snakemake(project, "--list-rules") for _ in range(2)][-1]
    run = snakemake(project, "--dry-run", "--quiet", "rules")
    return (
        f"| {models} | {len(made):,} | {on_gpu:,} | {files:,} | {run.seconds:.1f} "
        f"| {run.cpu_seconds:.1f} | {alone.cpu_seconds:.1f} | {run.peak_mib:,.0f} |"
    )


def scheduled(project: Path, trainings: int, arguments: argparse.Namespace) -> str:
    """A real run of the bare workflow."""
    (project / "Snakefile").write_text(BARE)
    run = snakemake(
        project,
        *("--cores", str(arguments.cores), "--resources", f"gpu={arguments.gpus}"),
        *("--scheduler", "greedy", "--quiet", "all", "--config", f"trainings={trainings}"),
    )
    jobs = 21 * trainings + 1
    records = sum(path.is_file() for path in (project / ".snakemake").rglob("*"))
    return (
        f"| {trainings} | {jobs:,} | {run.seconds:.1f} | {1000 * run.seconds / jobs:.0f} "
        f"| {run.cpu_seconds:.1f} | {run.peak_mib:,.0f} | {records:,} |"
    )


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--plan", type=int, nargs="*", default=[1, 10, 100], help="models of dry runs")
    add("--schedule", type=int, nargs="*", default=[5, 50, 250], help="trainings of real runs")
    add("--gpus", type=int, default=1000, help="GPUs that the real runs may use")
    add("--cores", type=int, default=1000, help="jobs of the real runs at a time")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
