"""Show what is in the cache of finished results, and remove what has not been used for longest.

Nothing is removed without --trim. A result that is removed here stays where it is in `results/`.

ECSLM_CACHE names another directory than the default; ECSLM_CACHE_GB is the limit in gigabytes that
every run keeps to at its end.
"""

from datetime import datetime

from ecslm.common.cache_entries import GIGABYTE, LIMIT_VARIABLE, kept_entries, size_limit
from ecslm.common.cache_entries import trim as remove_oldest
from ecslm.common.errors import InputError
from ecslm.common.results_cache import ResultsCache
from ecslm.schemas.paths import FINISHED
from ecslm.script import run_script


def main(trim: float | None = None) -> None:
    """
    Args:
        trim: remove the least recently used entries until the cache takes at most so many
            gigabytes; an entry whose files are results of a study takes none, and stays
    """
    cache, limit = ResultsCache(FINISHED), size_limit()
    if trim is not None:
        if not trim >= 0:
            raise InputError(f"--trim: {trim:g} is not a number of gigabytes, such as 10 or 0.5")
        removed = remove_oldest(cache, trim * GIGABYTE)
        print(f"{len(removed)} entries removed, {gigabytes(sum(one.space for one in removed))}")
    entries = kept_entries(cache)
    if entries:
        print(f"{'Last used':<16}  {'Size':>9}  {'Frees':>9}  {'Step':<13}  Made for")
    for one in entries:
        used = f"{datetime.fromtimestamp(one.last_used):%Y-%m-%d %H:%M}"
        step, made_for = ("damaged", str(one.folder))
        if one.entry is not None:
            step, made_for = one.entry.step, one.entry.made_for
        sizes = f"{gigabytes(one.size):>9}  {gigabytes(one.space):>9}"
        print(f"{used}  {sizes}  {step:<13}  {made_for}")
    print(
        f"{cache.root}: {len(entries)} entries, {gigabytes(sum(one.size for one in entries))}, of "
        f"which {gigabytes(sum(one.space for one in entries))} are not shared with results; "
        f"limit {limit / GIGABYTE:g} GB ({LIMIT_VARIABLE})"
    )


def gigabytes(size: float) -> str:
    """A size in text."""
    return f"{size / GIGABYTE:.3f} GB"


if __name__ == "__main__":
    run_script(main)
