"""List files of a study that no job makes any more, and remove them with `--remove`.

They are results of models, seeds, tasks and tables that are no longer in the configuration, or of a
whole study that is not. Base weights are listed if no study of the configuration uses them.

With `--forget FILE`: list or remove finished results, so that they are made again although nothing
has changed.
"""

import contextlib
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from tqdm import tqdm

from ecslm.common.locks import held
from ecslm.config.loading import read_config
from ecslm.plan.study import with_seeds
from ecslm.provenance.dag import read_dag
from ecslm.provenance.finished_results import forget_results
from ecslm.provenance.leftovers import Leftovers
from ecslm.provenance.leftovers import remove as remove_files
from ecslm.schemas.paths import RUN_LOCK, TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE
from ecslm.script import run_script

# Logs, benchmarks and locks, which are listed in one line.
OF_JOBS = (".log", ".tsv", ".lock")


def main(
    configfile: Sequence[Path] = (),
    study: str | None = None,
    seeds: str | None = None,
    remove: bool = False,
    forget: Sequence[Path] = (),
) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
        seeds: train each tuned model with these, such as 0,1,2, as the run did
        remove: remove what is listed (default: only list it)
        forget: results, or directories of them, instead of what no job makes
    """
    values = with_seeds(seeds)
    config = read_config([CONFIG_FILE, *configfile], None, TEMPLATES, values)
    study = study or config.study
    configured = study in config.studies
    # A study that is no longer configured has no jobs, but rules write the same files for others.
    graph = (study, None) if configured else (None, ("bases",))
    with read_dag(configfile, *graph, values) as dag:
        written, jobs = dag.written, dag.jobs if configured else ()
    config = config.model_copy(update={"study": study if configured else config.study})
    leftovers = Leftovers(config, study, written, jobs)
    # Listed is what is removed: nothing may come in between.
    lock = held(RUN_LOCK, "results", wait=False) if remove else contextlib.nullcontext()
    with lock:
        if forget:
            files = leftovers.results_of(forget)
        else:
            files = [*leftovers.unmade(), *leftovers.bases()]
        sizes = listed(files)
        width = max(map(len, sizes), default=0)
        for name, count in sizes.items():
            print(f"{name:<{width}}  {tqdm.format_sizeof(count, 'B')}")
        if not forget and (unknown := leftovers.unknown_studies()):
            print(
                f"{', '.join(map(str, unknown))}: no study of this configuration: bases that it "
                "may use stay; add its --configfile, or name it with --study to remove its results"
            )
        if remove:
            if forget:
                forget_results(files)
            remove_files(files)
    print(summary(len(files), sum(sizes.values()), remove))


def listed(files: Collection[Path]) -> dict[str, int]:
    """The bytes of each file, or of a directory if nothing of it would stay, by its name."""
    gone = set(files)
    sizes: Counter[str] = Counter()

    @cache
    def goes(folder: Path) -> bool:
        stays = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
        return gone.issuperset(stays)

    for path in sorted(files, key=lambda path: (path.suffix in OF_JOBS, path)):
        whole = [one for one in path.parents if RUN_LOCK.parent in one.parents and goes(one)]
        name = f"{whole[-1]}/" if whole else str(path)
        sizes["their logs, benchmarks and locks" if path.suffix in OF_JOBS else name] += (
            path.lstat().st_size
        )
    return dict(sizes)


def summary(files: int, count: int, removed: bool) -> str:
    """What has happened, or what to do."""
    if not files:
        return "nothing to remove"
    amount = f"{files:,} {'file' if files == 1 else 'files'}, {tqdm.format_sizeof(count, 'B')}"
    if removed:
        return f"removed: {amount}"
    return f"{amount}: nothing is removed yet: add --remove (with make: REMOVE=yes)"


if __name__ == "__main__":
    run_script(main)
