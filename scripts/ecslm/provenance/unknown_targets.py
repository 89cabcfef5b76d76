"""Messages on targets that no rule makes, with what may be meant."""

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from ecslm.common.text import nearest
from ecslm.schemas.paths import SHARED, TOP

# Used instead of a list that is too long.
MOST_CHARACTERS = 300
LISTED = ": `snakemake --list-target-rules` lists what can be made"


def about_target(
    study: str,
    studies: Collection[str],
    names: Iterable[str],
    patterns: Iterable[str],
    target: str,
) -> str:
    """One line on a target that is unknown to the run of a study.

    Args:
        studies: those of the configuration.
        names: the targets that are no files.
        patterns: paths of what rules write.
    """
    path = PurePosixPath(target)
    folder, other, *below = (*path.parts, "", "")
    if not path.suffix and not other:
        return f"{target}: no such target{nearest(target, names)}"
    if folder != TOP.name or not any(below) or other in (study, *SHARED):
        return f"{target}: no result of study {study}{_nearest_pattern(target, patterns)}"
    if other in studies:
        return (
            f"{target}: a result of study {other}, but this run is of {study}: add "
            f"`--config study={other}`, and `--` before the target"
        )
    return f"{target}: there is no study {other}{nearest(other, studies)}"


def _nearest_pattern(target: str, patterns: Iterable[str]) -> str:
    suggested = nearest(target, patterns)
    return suggested if len(suggested) <= MOST_CHARACTERS else LISTED
