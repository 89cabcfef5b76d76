"""Pack a finished study into one file to publish, for example on Zenodo.

The zip file has the code of the commit, the configuration, tables, figures, scores, manifests, the
report, and the sha256 of each. It has no weights and no logs, and no records or predictions but the
few that the report shows (`report: {samples: 0}` shows none). Nothing is packed while results are
missing or out of date, or while files of the project differ from the commit. The same commit and
results give the same bytes.
"""

from ecslm.plan.study import Choice
from ecslm.provenance.archive import archive_study
from ecslm.script import OutputFile, run_script


def main(choice: Choice, output: OutputFile | None = None) -> None:
    """
    Args:
        output: zip file to write (default: dist/ecslm-STUDY-COMMIT.zip)
    """
    path, count = archive_study(choice, output)
    print(f"{path}: {count:,} files, {path.stat().st_size / 1e6:,.1f} MB")


if __name__ == "__main__":
    run_script(main)
