"""Pairs of code and versions that were shown to compute equal bytes, as `accept.py` records them.

A record says that a pair computes what another one does, its representative. Parameters of jobs
name the representative, so that Snakemake sees no change. Manifests and the cache name the pair
that really ran: once a record is removed, nothing that the one pair has made passes for the
other's.
"""

from functools import lru_cache
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import Sha256, write_text
from ecslm.common.hashing import Sealed, file_state, sealed, sha256_of_json, unsealed

# Relative to the project.
EQUAL = Path("results/code/equal")


class Pair(Sealed):
    """What computes: code, as `--code` names it, and the versions of libraries."""

    code: str | None
    versions: dict[str, str]

    @property
    def name(self) -> str:
        """The name of its record."""
        return sha256_of_json(self.model_dump())[:16]


class Evidence(Sealed):
    """A job whose results two pairs have computed with equal bytes."""

    job: str
    key: Sha256
    """The action of the results that were there."""
    files: dict[str, Sha256]


class Equal(Sealed):
    """That a pair computes the bytes of its representative, and the evidence."""

    new: Pair
    representative: Pair
    evidence: tuple[Evidence, ...]


def representative(pair: Pair) -> Pair:
    """The pair that stands for this one in parameters: itself, unless another was recorded.

    Raises:
        InputError: a record is altered.
    """
    return next((one.representative for one in records() if one.new == pair), pair)


def equivalents(pair: Pair) -> list[Pair]:
    """The other pairs that compute equal bytes.

    Raises:
        InputError: a record is altered.
    """
    standing = representative(pair)
    equal = [one.new for one in records() if one.representative == standing]
    return [one for one in (standing, *equal) if one != pair]


def stands_for(code: str, real: str) -> bool:
    """Whether a parameter that names `code` may be that of a job which runs the code `real`.

    Raises:
        InputError: a record is altered.
    """
    return code == real or any(
        one.new.code == real and one.representative.code == code for one in records()
    )


def record_equal(equal: Equal) -> Path:
    """Record a pair, and return the path of the record.

    Raises:
        InputError: the pair has another representative already, or is that of others.
    """
    path = EQUAL / f"{equal.new.name}.json"
    for one in records():
        others = {one.new.name: one.representative, one.representative.name: one.representative}
        if others.get(equal.new.name, equal.representative) != equal.representative:
            fix = f"`python scripts/accept.py --revoke {one.new.name}`, then accept again"
            raise InputError(f"{EQUAL / one.new.name}.json: names another code as equal: {fix}")
    write_text(path, sealed(equal))
    return path


def records() -> tuple[Equal, ...]:
    """All records.

    Raises:
        InputError: one is altered.
    """
    return _read(tuple((path, file_state(path)) for path in sorted(EQUAL.glob("*.json"))))


@lru_cache(maxsize=1)
def _read(states: tuple[tuple[Path, tuple[int, ...]], ...]) -> tuple[Equal, ...]:
    found = []
    for path, _ in states:
        try:
            equal = unsealed(Equal, path.read_bytes())
        except ValueError:
            equal = None
        if equal is None or path.stem != equal.new.name:
            then = "then what it has accepted is computed again, or accepted again"
            raise InputError(f"{path}: altered: `rm {path}`; {then}")
        found.append(equal)
    return tuple(found)
