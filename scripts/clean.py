"""List files of a study that no job makes any more, and remove them with `--remove`.

They are results of models, seeds, tasks and tables that are no longer in the configuration, or of a
whole study that is not. Base weights are listed if no study of the configuration uses them.

With `--forget FILE`: list or remove finished results, so that they are made again although nothing
has changed.
"""

import argparse
import contextlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from tqdm import tqdm

from ecslm.common.cli import run_script
from ecslm.common.locks import held
from ecslm.config.loading import read_config
from ecslm.config.options import add_study_options
from ecslm.provenance.dag import read_dag
from ecslm.provenance.finished_results import forget_results
from ecslm.provenance.leftovers import Leftovers, remove
from ecslm.schemas.paths import RUN_LOCK, TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE

# Logs, benchmarks and locks, which are listed in one line.
OF_JOBS = (".log", ".tsv", ".lock")


def main(arguments: argparse.Namespace) -> None:
    """List the files, and remove them if told to."""
    config = read_config([CONFIG_FILE, *arguments.configfile], None, TEMPLATES)
    study = arguments.study or config.study
    configured = study in config.studies
    # A study that is no longer configured has no jobs, but rules write the same files for others.
    graph = (study, None) if configured else (None, ("bases",))
    with read_dag(arguments.configfile, *graph) as dag:
        written, jobs = dag.written, dag.jobs if configured else ()
    config = config.model_copy(update={"study": study if configured else config.study})
    leftovers = Leftovers(config, study, written, jobs)
    # Listed is what is removed: nothing may come in between.
    lock = held(RUN_LOCK, "results", wait=False) if arguments.remove else contextlib.nullcontext()
    with lock:
        if arguments.forget:
            files = leftovers.results_of(arguments.forget)
        else:
            files = [*leftovers.unmade(), *leftovers.bases()]
        sizes = listed(files)
        width = max(map(len, sizes), default=0)
        for name, count in sizes.items():
            print(f"{name:<{width}}  {tqdm.format_sizeof(count, 'B')}")
        if not arguments.forget:
            tell_what_stays(leftovers)
        if arguments.remove:
            if arguments.forget:
                forget_results(files)
            remove(files)
    print(summary(len(files), sum(sizes.values()), arguments.remove))


def listed(files: Collection[Path]) -> dict[str, int]:
    """The bytes of each file, or of a directory if nothing of it would stay, by its name."""
    gone = Counter(folder for path in files for folder in path.parents)
    emptied = {
        folder
        for folder, count in gone.items()
        if RUN_LOCK.parent in folder.parents and count == file_count(folder)
    }
    sizes: Counter[str] = Counter()
    for path in sorted(files, key=lambda path: (path.suffix in OF_JOBS, path)):
        whole = [folder for folder in path.parents if folder in emptied]
        name = f"{whole[-1]}/" if whole else str(path)
        if path.suffix in OF_JOBS:
            name = "their logs, benchmarks and locks"
        sizes[name] += path.lstat().st_size
    return dict(sizes)


def file_count(folder: Path) -> int:
    """The number of files below a directory, symbolic links included."""
    return sum(path.is_symlink() or not path.is_dir() for path in folder.rglob("*"))


def tell_what_stays(leftovers: Leftovers) -> None:
    """What a reader may have expected in the list."""
    if unknown := leftovers.unknown_studies():
        print(
            f"{', '.join(map(str, unknown))}: no study of this configuration: bases that it may "
            "use stay; add its --configfile, or name it with --study to remove its results"
        )


def summary(files: int, count: int, removed: bool) -> str:
    """What has happened, or what to do."""
    if not files:
        return "nothing to remove"
    amount = f"{files:,} {'file' if files == 1 else 'files'}, {tqdm.format_sizeof(count, 'B')}"
    if removed:
        return f"removed: {amount}"
    return f"{amount}: nothing is removed yet: add --remove (with make: REMOVE=yes)"


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_study_options(parser)
    add = parser.add_argument
    add("--remove", action="store_true", help="remove what is listed (default: only list it)")
    forget_help = "results, or directories of them, instead of what no job makes"
    add("--forget", type=Path, nargs="+", metavar="FILE", help=forget_help)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
