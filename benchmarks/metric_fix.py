"""What a metric fix costs at the paper's scale: new tables against scoring everything again.

In a scratch copy of the project the paper's six tuned models, three seeds each, have answers to as
many made-up test records as the paper has. Dataset files, scores, tables and the report are
really made. The results of the GPU steps come from no model (fake_results.py) and are recorded as
made. Then the NDCG module gets another discount, and Snakemake brings tables and report up to date.
A plan that holds a GPU step ends the benchmark.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fake_results import GPU_RULES, FakeResults
from processes import ROOT, Run, copy_project, snakemake
from studies import main_files, paper_sized, read_configuration, with_study, write_published_rows

from ecslm.config.loading import load_config
from ecslm.plan.study import Study
from ecslm.schemas.paths import TEMPLATES

SCORE_RULES = ("score", "score_baseline")
METRIC = "scripts/ecslm/scoring/metrics/ndcg.py"
FIX = ("math.log2(rank + 1)", "math.log2(rank + 2)")
# A table that shows the metric.
TABLE = "ind"


def main(arguments: argparse.Namespace) -> None:
    """Build the study, score it, fix the metric, and print a row for each step."""
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project((arguments.folder or Path(temporary)).absolute())
        # Parameters of jobs come from files of the project.
        os.chdir(project)
        plan = build(project, arguments.settings)
        print_size(project, plan)
        cores = ("--cores", str(arguments.cores))
        again = snakemake(project, *cores, "--forcerun", *SCORE_RULES, "--", "tables")
        print_row("score everything, tables", again)
        print_row("report", snakemake(project, *cores))
        before = table(project, plan)
        fix_metric(project)
        planned = snakemake(project, "--dry-run")
        refuse_gpu_jobs(planned)
        print_row("after the fix: dry run", planned)
        tables = snakemake(project, *cores, "--", "tables")
        print_row("after the fix: tables", tables)
        if table(project, plan) == before:
            sys.exit(f"{METRIC} was changed, and table {TABLE} is as it was")
        print_row("after the fix: report", snakemake(project, *cores))
        ratios = tables.seconds / again.seconds, tables.cpu_seconds / again.cpu_seconds
        print("\nnew tables / score everything: {:.2f}, CPU {:.2f}".format(*ratios))
        jobs = ", ".join(f"{count} {rule}" for rule, count in planned.jobs.items())
        print(f"after the fix: {jobs}")


def build(project: Path, settings: int) -> Study:
    """The study with all results of the GPU steps, made unless the folder has them."""
    shipped = read_configuration(ROOT)
    study = paper_sized(shipped, settings)
    # The last one of the tiny model that stands for every base.
    study["bertscore"] |= {"layer": 2}
    write_published_rows(project, study, ("train", "val", "test"))
    configuration = with_study(shipped, study)
    # JSON is YAML.
    text = json.dumps(configuration, default=str)
    (project / "config.yaml").write_text(text)
    plan = Study(load_config(configuration, project / TEMPLATES))
    results = FakeResults(project, plan)
    built = project / "built.json"
    snakemake(project, "--", "datasets")
    if not built.exists() or built.read_text() != text:
        results.write(processes=2)
        built.write_text(text)
    # A file without a record counts as made, whatever is edited.
    subprocess.run([sys.executable, "scripts/adopt.py"], cwd=project, check=True)
    return plan


def fix_metric(project: Path) -> None:
    """Change the logic of the metric."""
    path = project / METRIC
    before, after = FIX
    code = path.read_text(encoding="utf-8")
    if before not in code:
        sys.exit(f"{METRIC} holds no {before}: fix FIX in {Path(__file__).name}")
    path.write_text(code.replace(before, after), encoding="utf-8")


def refuse_gpu_jobs(run: Run) -> None:
    """End with what is wrong if a step that needs a GPU was planned."""
    if planned := GPU_RULES & run.jobs.keys():
        sys.exit(f"a metric fix must rerun no GPU step, and planned were: {sorted(planned)}")


def table(project: Path, plan: Study) -> bytes:
    """The content of a table that shows the metric."""
    return (project / plan.results / f"tables/{TABLE}.json").read_bytes()


def print_size(project: Path, plan: Study) -> None:
    """How much there is to score, and the head of the table."""
    files = [project / path for path in main_files(plan, "predict")]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    size = sum(path.stat().st_size for path in files) / 2**20
    print(f"{len(files)} predictions files, {lines:,} answers, {size:.0f} MiB\n")
    print("| step | seconds | CPU seconds | largest process, MiB |\n|---|---|---|---|")


def print_row(step: str, run: Run) -> None:
    """One line of the table."""
    times = f"{run.seconds:.1f} | {run.cpu_seconds:.1f}"
    print(f"| {step} | {times} | {run.peak_mib:.0f} |", flush=True)


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "--settings",
        type=int,
        choices=(2, 4, 6),
        default=2,
        help="how many of the paper's settings",
    )
    add("--cores", default="all", help="cores that Snakemake uses")
    add("--folder", type=Path, help="where to build the study, or where it is built already")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
