"""Pack a finished study into one file to publish, for example on Zenodo.

The zip file has the code of the commit, the configuration, tables, figures, scores, manifests, the
report, and the sha256 of each. It has no weights and no logs, and no records or predictions but the
few that the report shows (`report: {samples: 0}` shows none). Nothing is packed while results are
missing or out of date, or while files of the project differ from the commit. The same commit and
results give the same bytes.
"""

import argparse

from ecslm.common.cli import run_script
from ecslm.common.usage import output_file
from ecslm.config.options import add_study_options
from ecslm.provenance.archive import archive_study


def main(arguments: argparse.Namespace) -> None:
    """Write the archive, and print where it is."""
    path, count = archive_study(arguments.configfile, arguments.study, arguments.output)
    print(f"{path}: {count:,} files, {path.stat().st_size / 1e6:,.1f} MB")


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_study_options(parser)
    parser.add_argument(
        "--output",
        type=output_file,
        help="zip file to write (default: dist/ecslm-STUDY-COMMIT.zip)",
    )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
