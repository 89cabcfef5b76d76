"""Write the JSON schema of config.yaml, with which editors complete and check it, and the page
that explains every key."""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.files import write_json, write_text
from ecslm.common.usage import output_file
from ecslm.config.reference_page import reference_page
from ecslm.config.schema import Config

PROJECT = Path(__file__).resolve().parents[1]


def main(arguments: argparse.Namespace) -> None:
    """Write the files that the options name."""
    schema = Config.model_json_schema()
    write_json(arguments.output, schema)
    write_text(arguments.markdown, reference_page(schema))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default, what in (
        ("--output", "resources/config.schema.json", "JSON schema"),
        ("--markdown", "docs/configuration.md", "page"),
    ):
        parser.add_argument(
            option,
            type=output_file,
            default=PROJECT / default,
            help=f"where to write the {what} (default: {default})",
        )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
