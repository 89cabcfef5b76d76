"""Fetch answers that others have published, from the archive of a pinned commit."""

from pathlib import Path

from ecslm.families.recorded.published_answers import FetchSettings, fetch_answers
from ecslm.script import Origin, job, run_script


@job(log=True)
def main(origin: Origin, archive: str, settings: FetchSettings, output: Path) -> None:
    """
    Args:
        archive: URL of the commit's archive (tar.gz), or its path
        settings: commit, folder, what to take: JSON or @FILE
        output: directory to write {model}-{task}.jsonl to
    """
    origin.wrote(fetch_answers(archive, settings, output), output / "manifest.json")


if __name__ == "__main__":
    run_script(main)
