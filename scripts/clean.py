"""List files of a study that no job makes any more, and remove them with `--remove`.

They are results of models, seeds, tasks and tables that are no longer in the configuration. Base
weights are listed if no study of the configuration uses them.

With `--forget FILE`: list or remove finished results, so that they are made again although nothing
has changed.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from tqdm import tqdm

from ecslm.common.locks import held
from ecslm.common.text import number_of
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag
from ecslm.provenance.leftovers import Leftovers
from ecslm.provenance.leftovers import remove as remove_files
from ecslm.schemas.paths import RUN_LOCK
from ecslm.script import run_script


def main(choice: Choice, remove: bool = False, forget: Sequence[Path] = ()) -> None:
    """
    Args:
        remove: remove what is listed (default: only list it)
        forget: results, or directories of them, instead of what no job makes
    """
    chosen = choice.read()
    with read_dag(choice.configfile, choice.study, None, choice.values) as dag:
        leftovers = Leftovers(chosen, dag.written, dag.jobs)
    # Listed is what is removed: nothing may come in between.
    with held(RUN_LOCK, "results", wait=False) if remove else nullcontext():
        files = leftovers.results_of(forget) if forget else leftovers.unmade()
        size = sum(path.stat().st_size for path in files)
        for line in listed(files):
            print(line)
        if remove:
            remove_files(files, forget=bool(forget))
    amount = f"{number_of(len(files), 'file')}, {tqdm.format_sizeof(size, 'B')}"
    if not files:
        print("nothing to remove")
    elif remove:
        print(f"removed: {amount}")
    else:
        print(f"{amount}: nothing is removed yet: add --remove (with make: REMOVE=yes)")


def listed(files: Collection[Path]) -> Iterator[str]:
    """A line for each directory: its files, and the bytes of all."""
    of_folder = attrgetter("parent")
    for folder, inside in groupby(sorted(files, key=of_folder), of_folder):
        paths = list(inside)
        size = sum(path.stat().st_size for path in paths)
        yield f"{tqdm.format_sizeof(size, 'B'):>7}  {folder}/: {', '.join(x.name for x in paths)}"


if __name__ == "__main__":
    run_script(main)
