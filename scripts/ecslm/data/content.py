"""Digests of the source rows that results are made from: values of the option `--content`."""

from pathlib import Path

from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text
from ecslm.data.settings import Labels


def content_parameter(content: str | list[str], labels: Labels | None) -> str:
    """The digest of what a result is made from.

    Args:
        content: digests of files or rows, or a pinned revision.
        labels: the file of relevance labels, if the result uses them. Before it is fetched, its
            pinned sha256 is used.
    """
    made_from: object = content
    if labels is not None:
        path = Path(labels.path)
        made_from = [content, sha256_of_file(path) if path.exists() else labels.sha256]
    return f"source:{sha256_of_text(canonical_json(made_from))[:32]}"
