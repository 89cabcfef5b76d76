"""List files of a study that no job makes any more, and remove them with `--remove`.

They are results of models, seeds, tasks and tables that are no longer in the configuration. Other
files in the directories of a study's results are listed too: keep your own elsewhere.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from tqdm import tqdm

from ecslm.common.locks import held
from ecslm.common.text import number_of
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag
from ecslm.provenance.leftovers import remove as remove_files
from ecslm.provenance.leftovers import unmade
from ecslm.schemas.paths import RUN_LOCK
from ecslm.script import run_script


def main(choice: Choice, remove: bool = False) -> None:
    """
    Args:
        remove: remove what is listed (default: only list it)
    """
    chosen = choice.read()
    with read_dag(choice, None) as dag:
        jobs = dag.jobs
    # Listed is what is removed: nothing may come in between.
    with held(RUN_LOCK, "results", wait=False) if remove else nullcontext():
        files = unmade(chosen, jobs)
        for folder in sorted({path.parent for path in files}):
            inside = [path for path in files if path.parent == folder]
            print(f"{bytes_of(inside):>7}  {folder}/: {', '.join(x.name for x in inside)}")
        amount = f"{number_of(len(files), 'file')}, {bytes_of(files)}"
        if remove:
            remove_files(files)
    fix = "nothing is removed yet: add --remove (with make: REMOVE=yes)"
    done = f"removed: {amount}" if remove else f"{amount}: {fix}"
    print(done if files else "nothing to remove")


def bytes_of(files: Iterable[Path]) -> str:
    """What files take, in text."""
    return tqdm.format_sizeof(sum(path.stat().st_size for path in files), "B")


if __name__ == "__main__":
    run_script(main)
