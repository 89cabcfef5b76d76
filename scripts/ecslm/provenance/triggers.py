"""The rerun triggers of Snakemake, by which it finds the results that an edit affects."""

from collections.abc import Iterable

from ecslm.common.errors import InputError, Problem

OPTION = "rerun-triggers"
# What tells of each: dates and content of files, settings with code and versions, which files are
# read, and commands. That of environments has a meaning with `--sdm conda` alone.
NEEDED = ("mtime", "params", "input", "code")


def check_triggers(triggers: Iterable[str], where: str = f"--{OPTION}") -> None:
    """Refuse a choice of triggers with which results would stay that an edit affects.

    Args:
        where: the option or profile that has them, for the message.

    Raises:
        InputError: some that are needed are left out.
    """
    chosen = set(triggers)
    if left_out := [name for name in NEEDED if name not in chosen]:
        raise InputError(
            Problem(
                f"without {', '.join(left_out)} a run would keep results of other settings, code "
                f"or data: leave {OPTION} out, or have it name {' '.join(NEEDED)}",
                where,
            )
        )
