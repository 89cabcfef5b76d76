"""Say whether a run of a study would succeed, before anything runs, and what is missing for it.

Each thing that is missing is told with its fix. Nothing is fetched, and nothing is written outside
`results` and `.snakemake`; the hub and other servers are asked, for a few seconds at most. With a
profile for SLURM a short job tries a node, for which it may wait half a minute.
"""

import argparse
import json
import os
import sys

from ecslm.common.cli import run_script
from ecslm.config.options import add_study_options
from ecslm.preflight.check import check_study
from ecslm.preflight.findings import as_json, as_text

EPILOG = """\
exit status:
  0  a run can start; there may be warnings
  1  a run would fail
"""


def main(arguments: argparse.Namespace) -> None:
    """Check, print, and exit with a status that says what was found."""
    # The hub's library would fetch a list for its statistics, and keep it outside of `results`.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    report = check_study(arguments.configfile, arguments.study, arguments.profile)
    if arguments.json:
        print(json.dumps(as_json(report), indent=2, ensure_ascii=False))
    else:
        print(as_text(report))
    sys.exit(int(report.fails))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_study_options(parser)
    parser.add_argument(
        "--profile",
        default="default",
        help="how it would run: a folder of `profiles` (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead")
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
