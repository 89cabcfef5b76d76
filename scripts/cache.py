"""Show what is in the cache of finished results, and remove what has not been used for longest.

Nothing is removed without --trim. A result that is removed here stays where it is in `results/`.

ECSLM_CACHE names another directory than the default; ECSLM_CACHE_GB is the limit in gigabytes to
which every run trims the cache at its end.
"""

from collections.abc import Iterable
from datetime import datetime

from ecslm.common import results_cache
from ecslm.common.errors import InputError
from ecslm.common.results_cache import GIGABYTE, LIMIT_VARIABLE, Kept, ResultsCache
from ecslm.script import run_script


def main(trim: float | None = None) -> None:
    """
    Args:
        trim: remove the least recently used entries until the cache takes at most so many
            gigabytes; an entry whose files are results of a study takes none, and stays
    """
    cache, limit = ResultsCache(), results_cache.size_limit()
    if trim is not None:
        if not trim >= 0:
            raise InputError(f"--trim: {trim:g} is not a number of gigabytes, such as 10 or 0.5")
        removed = results_cache.trim(cache, trim * GIGABYTE)
        print(f"{len(removed)} entries removed, {gigabytes(removed)}")
    entries = results_cache.kept_entries(cache)
    if entries:
        print(f"{'Last used':<16}  {'Takes':>9}  {'Step':<13}  Made for")
    for one in entries:
        used, takes = datetime.fromtimestamp(one.last_used), gigabytes([one])
        step, made_for = "unfinished", str(one.folder)
        if one.entry is not None:
            step, made_for = one.entry.step, one.entry.made_for
        print(f"{used:%Y-%m-%d %H:%M}  {takes:>9}  {step:<13}  {made_for}")
    print(
        f"{cache.root}: {len(entries)} entries, which take {gigabytes(entries)} beside the "
        f"results; limit {limit / GIGABYTE:g} GB ({LIMIT_VARIABLE})"
    )


def gigabytes(entries: Iterable[Kept]) -> str:
    """What entries take, in text."""
    return f"{sum(one.space for one in entries) / GIGABYTE:.3f} GB"


if __name__ == "__main__":
    run_script(main)
