"""Digests of what results are made from: values of the option `--content`."""

from collections.abc import Collection, Sequence

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.data.sources.protocol import RawRows


def content_parameter(digests: Sequence[str], labels: str | None) -> str:
    """The digest of what a result is made from.

    Args:
        digests: digests of files or rows, or a pinned revision.
        labels: digest of the relevance labels, if the result uses them.
    """
    made_from = digests if labels is None else [digests, labels]
    return f"source:{sha256_of_text(canonical_json(made_from))[:32]}"


def content_of_split(rows: RawRows, names: Collection[str], split: str) -> str:
    """The digest of the rows of one task, under any of its names, and one split."""
    return content_parameter(rows.split_digests(names, split), rows.labels_digest)


def content_of_all(rows: RawRows) -> str:
    """The digest of a whole source."""
    return content_parameter(rows.source_digests(), rows.labels_digest)


def require_content(planned: str | None, found: str) -> None:
    """Refuse rows other than those that the run was planned with.

    Args:
        planned: the value of `--content`; None in a run by hand.

    Raises:
        InputError: they are others.
    """
    if planned is not None and planned != found:
        raise InputError(
            "--content: the data changed since the run was planned, or while they were read: "
            "run again"
        )
