"""What planning costs: dry runs of our workflow against a bare Snakemake workflow of its shape.

Both have the same jobs, edges and files; the rules of the bare one (bare.smk) have constant
parameters and neither logs nor resources, and there is no configuration and no library. The study
is the paper's with more or fewer models and seeds. In the situation `nothing` no file exists and
all jobs are planned; in `complete` every file exists and is up to date, which is what most runs
meet. Both are measured in turn.
"""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fake_results import write_base_manifest, write_manifests
from processes import ROOT, Run, copy_project, snakemake
from studies import Configuration, Entry, cut_down, main_files, read_configuration, with_study
from support.stated_jobs import ON_DEMAND, all_jobs_of, jobs_of

from ecslm.common.hashing import sha256_of_json
from ecslm.config.loading import load_config
from ecslm.plan.study import Study
from ecslm.schemas.paths import TEMPLATES

# For studies too small for ten tasks: a yes/no task, a ranking, a generation task.
FEW_TASKS = ("PM", "QPR", "AG")
FEW_JOBS = 200
# Its tuned model is in every table.
FIRST_BASE = "SmolLM2-360M"

# Base weights have a manifest of another form, and the target `all` has no PDF, nor the latency of
# models that no table shows.
NOT_WRITTEN = frozenset({"base_model", "report_pdf"})
# Of every made file: metrics files are read by the summary that ends a run.
CONTENT = '{"task": "", "model": null, "seed": null, "metric": "", "settings": {}}'


def main(arguments: argparse.Namespace) -> None:
    """Measure each size in both situations and print a row for each."""
    print(
        "| situation | jobs | edges | bare, s | ours, s | ours / bare | bare, MiB | ours, MiB |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for jobs in sorted({*arguments.jobs, *arguments.complete}):
        with tempfile.TemporaryDirectory() as folder:
            projects = make_projects(Path(folder), jobs)
            shape = same_shape(projects)
            if jobs in arguments.jobs:
                print_row("nothing", shape, measure(projects, arguments.repeats))
            if jobs in arguments.complete:
                for project in projects.values():
                    make_files(project)
                write_all_manifests(projects["ours"])
                for project in projects.values():
                    record(project)
                print_row("complete", shape, measure(projects, arguments.repeats))


def make_projects(folder: Path, jobs: int) -> dict[str, Path]:
    """A copy of the project with a study of about so many jobs, and the bare workflow of it."""
    configuration = configuration_of(jobs)
    ours, bare = copy_project(folder / "ours"), copy_project(folder / "bare")
    # JSON is YAML.
    (ours / "config.yaml").write_text(json.dumps(configuration, default=str))
    shutil.copy(ROOT / "benchmarks/bare.smk", bare / "Snakefile")
    (bare / "shape.json").write_text(json.dumps(shape_of(plan_of(configuration))))
    return {"bare": bare, "ours": ours}


def configuration_of(jobs: int) -> Configuration:
    """config.yaml with the paper's study, cut or extended to rows that make so many jobs."""
    shipped = read_configuration(ROOT)
    paper = shipped["studies"]["paper"]
    tasks = FEW_TASKS if jobs < FEW_JOBS else paper["tasks"]
    # A row has at least eight jobs.
    numbers = range(1, 2 + jobs // 8)
    ordered = list(islice(rows(paper), len(numbers)))

    def with_rows(number: int) -> Configuration:
        seeds: dict[str, list[int]] = {}
        for model, seed in ordered[:number]:
            seeds.setdefault(model, []).append(seed)
        return with_study(shipped, cut_down(paper, seeds, tasks))

    def size(number: int) -> int:
        return len(all_jobs_of(plan_of(with_rows(number))))

    return with_rows(numbers[bisect_left(numbers, jobs, key=size)])


def rows(study: Entry) -> Iterator[tuple[str, int]]:
    """Models with their seeds, base by base; then further seeds of the tuned models.

    A tuned model comes first, since some tables show tuned models alone.
    """
    models = {name: model for name, model in study["models"].items() if "base" in model}
    tuned = [name for name in models if "seeds" in models[name]]

    def place(name: str) -> tuple[bool, str, bool]:
        base = models[name]["base"]
        return base != FIRST_BASE, base, name not in tuned

    for name in sorted(models, key=place):
        yield from ((name, seed) for seed in models[name].get("seeds", [0]))
    yield from ((name, seed) for seed in count(3) for name in tuned)


def plan_of(configuration: Configuration) -> Study:
    """The plan that our workflow makes."""
    return Study(load_config(configuration, ROOT / TEMPLATES))


def shape_of(study: Study) -> dict[str, Any]:
    """What the bare workflow has to know: its rules, and for each job its inputs."""
    rules: dict[str, Any] = {}
    for job in all_jobs_of(study):
        rule = rules.setdefault(
            job.rule, {"outputs": job.patterns, "names": list(job.key), "inputs": {}}
        )
        rule["inputs"]["/".join(job.key.values())] = job.inputs
    wanted = [job.files[0] for job in jobs_of(study) if job.rule not in ON_DEMAND]
    return {"rules": rules, "wanted": wanted}


def same_shape(projects: dict[str, Path]) -> tuple[int, int]:
    """Jobs and edges of both workflows, which must be equal for their times to be compared."""
    (ours, edges), (bare, _) = graph_of(projects["ours"]), graph_of(projects["bare"])
    if other := [*(ours - bare), *(bare - ours)]:
        sys.exit(f"the workflows differ, so their times say nothing: {other[:5]}")
    return ours.total(), edges


def graph_of(project: Path) -> tuple[Counter[str], int]:
    """The jobs of a workflow, each with a digest of all that it is made from, and its edges."""
    text = snakemake(project, "--dag").output
    labels = dict(re.findall(r'(\d+)\[label = "(.*?)"', text))
    below: dict[str, list[str]] = {job: [] for job in labels}
    for one, job in re.findall(r"(\d+) -> (\d+)", text):
        below[job].append(one)

    # Labels leave out wildcards that those of the jobs below have.
    @cache
    def written(job: str) -> str:
        return f"{labels[job]} {sha256_of_json(sorted(map(written, below[job])))}"

    return Counter(map(written, labels)), sum(map(len, below.values()))


def make_files(project: Path) -> None:
    """Make every file of a workflow."""
    table = snakemake(project, "--summary").output
    lines = table[table.index("output_file\t") :].splitlines()[1:]
    for name in (line.split("\t")[0] for line in lines):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONTENT)


def record(project: Path) -> None:
    """Have Snakemake record every file as made by its job."""
    if project.name == "ours":
        # It refuses results that have no record.
        adopt = [sys.executable, "scripts/adopt.py"]
        subprocess.run(adopt, cwd=project, check=True, stdout=subprocess.DEVNULL)
    else:
        # Forced, since a file without a record counts as made.
        snakemake(project, "--touch", "--forceall")
    if planned := snakemake(project, "--dry-run").jobs:
        sys.exit(f"{project}: not complete: {planned}")


def write_all_manifests(project: Path) -> None:
    """The manifests that our workflow looks at; the bare one does not read its own."""
    with contextlib.chdir(project):
        plan = plan_of(read_configuration(project))
        for manifest in main_files(plan, "base_model"):
            write_base_manifest(project, plan, manifest)
        made = (
            job
            for job in all_jobs_of(plan)
            if job.rule not in NOT_WRITTEN and all(Path(file).exists() for file in job.results)
        )
        write_manifests(project, made)


def measure(projects: dict[str, Path], repeats: int) -> dict[str, list[Run]]:
    """Dry runs of both workflows in turn."""
    runs: dict[str, list[Run]] = {name: [] for name in projects}
    for _ in range(repeats):
        for name, project in projects.items():
            runs[name].append(snakemake(project, "--dry-run"))
    return runs


def print_row(situation: str, shape: tuple[int, int], runs: dict[str, list[Run]]) -> None:
    """One line of the table: medians over the repeats; the ratio is that of each pair."""
    seconds = {name: median(run.seconds for run in of_one) for name, of_one in runs.items()}
    peaks = {name: median(run.peak_mib for run in of_one) for name, of_one in runs.items()}
    pairs = zip(runs["ours"], runs["bare"], strict=True)
    ratio = median(ours.seconds / bare.seconds for ours, bare in pairs)
    print(
        f"| {situation} | {shape[0]:,} | {shape[1]:,} | {seconds['bare']:.2f} "
        f"| {seconds['ours']:.2f} | {ratio:.2f} | {peaks['bare']:.0f} | {peaks['ours']:.0f} |",
        flush=True,
    )


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--jobs", type=int, nargs="*", default=[60, 500, 2000], help="sizes, nothing made yet")
    complete_help = "sizes, everything made; recording it takes 0.1 s a job"
    add("--complete", type=int, nargs="*", default=[60, 500], help=complete_help)
    add("--repeats", type=int, default=5, help="dry runs of each workflow, in turn")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
