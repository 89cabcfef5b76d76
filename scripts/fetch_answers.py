"""Fetch answers that others have published, from the archive of a pinned commit."""

import argparse

from ecslm.common.cli import read_settings, run_script
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.manifests import made_from, write_manifest
from ecslm.common.usage import AS_IN_A_RUN, output_file, output_folder
from ecslm.fingerprint.running import as_planned
from ecslm.prediction.published_answers import FetchSettings, fetch_answers


def main(arguments: argparse.Namespace) -> None:
    """Fetch the answers, write them and their manifest."""
    start_log(arguments.log)
    settings = read_settings(arguments.settings, FetchSettings)
    origin = made_from([], settings, arguments.code, versions={})
    written = fetch_answers(arguments.archive, settings, arguments.output)
    write_manifest(arguments.manifest or arguments.output / "manifest.json", origin, written)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--archive", required=True, help="URL of the commit's archive (tar.gz), or its path")
    add("--settings", required=True, help="commit, folder, what to take: JSON or @FILE")
    add(
        "--output",
        type=output_folder,
        required=True,
        help="directory to write {model}-{task}.jsonl to",
    )
    add("--manifest", type=output_file, help="manifest to write (default: OUTPUT/manifest.json)")
    add(
        "--code",
        help="set by a run: digest of the code, which is recorded; other code refuses to run",
    )
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
