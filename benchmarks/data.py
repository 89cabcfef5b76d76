"""Data preparation at the release's size: the index of the file, then all dataset files and the
check of every row.

The file is one JSON list of made-up rows, as many as the release's, with texts lengthened to about
its 530 MB. Each run is a process of its own, and starts with an empty cache.
"""

import argparse
import ast
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import yaml
from processes import ROOT, copy_project, measured, snakemake
from studies import NAME, read_configuration, with_study
from support.small_rows import GRADES, OFFSETS, TASKS, Row, small_rows

from ecslm.common.files import write_json
from ecslm.data.settings import PathData
from ecslm.data.source import open_rows

LONGEST = "SR"
# The release's numbers, and the endings of its settings.
SIZES = {"train": 10000, "val": 1000, "test_ind": 1000, "test_ood": 1000}
OF_PM = {"train": 2022, "val": 253, "test_ind": 253}
TRAINING = ("Single_Instruction", "Diverse_Instruction")
TEST = (*TRAINING, "Unseen_Instruction", "Diverse_Instruction_1-shot")
# Characters more in each text; from 144 MB to 530 MB.
MORE = 1600
WORDS = ["soft", "dark", "steel", "cotton", "bottle", "lamp", "review", "seller", "size", "price"]


def main(arguments: argparse.Namespace) -> None:
    """Measure the reading, then what the workflow does; print a row for each run."""
    if arguments.cache:
        source = PathData(source="path", path=str(arguments.file))
        open_rows(source, arguments.cache)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = Path(temporary)
        file = folder / "records.json"
        write_rows(file)
        print(f"{file.stat().st_size / 1e6:.0f} MB in one JSON list\n")
        print("| what | seconds | peak memory of a process, MiB |\n|---|---|---|")
        for number in range(arguments.repeats):
            options = ("--file", file, "--cache", folder / f"cache-{number}")
            measure("index of the rows", ROOT, __file__, *options)
        project = prepared_project(folder, file)
        run = snakemake(project, "--cores", str(arguments.cores), "--", "datasets")
        what = f"dataset files and check, {arguments.cores} cores"
        print(f"| {what} | {run.seconds:.1f} | {run.peak_mib:.0f} |", flush=True)
        measure_reports(project, arguments.base.resolve())


def measure(what: str, folder: Path, *command: object) -> None:
    """Run a Python script, and print its row."""
    run = measured([sys.executable, *command], folder)
    print(f"| {what} | {run.seconds:.1f} | {run.peak_mib:.0f} |", flush=True)


def measure_reports(project: Path, base: Path) -> None:
    """Overlap and description of the task with the longest inputs."""
    data = project / f"results/{NAME}/dataset"
    train = [data / task / "train.jsonl" for task in TASKS if task != LONGEST]
    own = [data / LONGEST / f"{split}.jsonl" for split in ("train", "val", "test")]
    output = project / "report.json"
    files = (
        "--task",
        LONGEST,
        "--test",
        own[2],
        "--train",
        own[0],
        "--other-train",
        *train,
        "--output",
        output,
    )
    measure(f"overlap of {LONGEST}", project, "scripts/leakage.py", *files)
    lengths = {"training_max_length": 4000, "prediction_max_length": 4000, "max_new_tokens": 100}
    settings = json.dumps({"answer": "choice", "tokenizer": "SmolLM2-135M", **lengths})
    options = ("--task", LONGEST, "--records", *own, "--base", base, "--output", output)
    options += ("--template", "resources/prompts/chatml.jinja", "--settings", settings)
    measure(f"description of {LONGEST}", project, "scripts/describe_data.py", *options)


def prepared_project(folder: Path, file: Path) -> Path:
    """A copy of the project with the paper's study on the file."""
    project = copy_project(folder / "project")
    labels = folder / "labels.json"
    first = OFFSETS["test_ind"]
    write_json(labels, [GRADES[n % 4] for n in range(first, first + SIZES["test_ind"])])
    configuration = read_configuration(ROOT)
    study = configuration["studies"]["paper"] | {
        "published_comparable": False,
        "data": {"source": "path", "path": str(file), "labels": {"path": str(labels)}},
    }
    (project / "config.yaml").write_text(yaml.safe_dump(with_study(configuration, study)))
    return project


def write_rows(file: Path) -> None:
    """The rows as one JSON list, one a line as the hub's tools write it."""
    rng = Random(0)
    texts = [" ".join(rng.choices(WORDS, k=MORE // 4))[:MORE] for _ in range(5000)]
    # The same sample must stay the same under every setting.
    chosen: dict[str, str] = {}
    with file.open("w", encoding="utf-8") as stream:
        for number, row in enumerate(release_rows()):
            more = chosen.setdefault(row["input"], rng.choice(texts))
            stream.write("[" if number == 0 else ",\n")
            stream.write(json.dumps(row | {"input": lengthened(row["input"], more)}))
        stream.write("]\n")


def release_rows() -> Iterator[Row]:
    """As many rows as the release has, task by task."""
    for task in TASKS:
        sizes = OF_PM if task == "PM" else SIZES
        for part, count in sizes.items():
            endings = TEST if part.startswith("test") else TRAINING
            yield from small_rows([task], endings, **{part: count})


def lengthened(text: str, more: str) -> str:
    """An input with more in it, still of its task's form."""
    if text.startswith("{"):
        return json.dumps({**json.loads(text), "more": more})
    if text.startswith("["):
        items: list[str] = ast.literal_eval(text)
        pieces = [more[at : at + 140] for at in range(0, len(more), 140)]
        return repr(items + [f"{len(items) + n}th: {piece}" for n, piece in enumerate(pieces, 1)])
    return f"{text} {more}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="readings of the file")
    parser.add_argument("--cores", type=int, default=2, help="cores of Snakemake")
    parser.add_argument("--folder", type=Path, help="where 5 GB of temporary files may lie")
    parser.add_argument(
        "--base",
        type=Path,
        default=Path("results/bases/SmolLM2-135M/manifest.json"),
        help="manifest of the base whose tokenizer counts",
    )
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    main(parser.parse_args())
