"""Messages on targets that no rule makes, with the target that may be meant."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ecslm.common.ledger import RESULTS
from ecslm.common.text import nearest
from ecslm.plan.plan import Plan
from ecslm.schemas.paths import SHARED

# Used instead of a list that is too long.
MOST_CHARACTERS = 300
LISTED = ": `snakemake --list-target-rules` lists what can be made"


def about_target(plan: Plan, names: Iterable[str], files: Sequence[str], target: str) -> str:
    """One line on a target that is unknown to the run of a study.

    Args:
        names: the targets that are no files.
        files: all files of the study.
    """
    path = PurePosixPath(target)
    study, known = plan.study.name, plan.study.config.studies
    if len(path.parts) == 1 and not path.suffix:
        return f"{target}: no such target{nearest(target, names)}"
    if path.parts[0] != RESULTS or len(path.parts) < 3 or path.parts[1] in (study, *SHARED):
        return f"{target}: no result of study {study}{_nearest_file(path, files)}"
    if path.parts[1] in known:
        return (
            f"{target}: a result of study {path.parts[1]}, but this run is of {study}: add "
            f"`--config study={path.parts[1]}`, and `--` before the target"
        )
    return f"{target}: there is no study {path.parts[1]}{nearest(path.parts[1], known)}"


def _nearest_file(path: PurePosixPath, files: Iterable[str]) -> str:
    """The nearest file, first of those in the same folder."""
    beside = [file for file in files if PurePosixPath(file).parent == path.parent]
    alike = [file for file in beside if PurePosixPath(file).suffix == path.suffix]
    suggested = nearest(str(path), alike or beside or files)
    return suggested if len(suggested) <= MOST_CHARACTERS else LISTED
