"""Write the JSON schema of config.yaml, with which editors complete and check it."""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.files import write_json
from ecslm.common.usage import output_file
from ecslm.config.schema import Config

SCHEMA = Path(__file__).resolve().parents[1] / "resources/config.schema.json"


def main(arguments: argparse.Namespace) -> None:
    """Write the schema."""
    write_json(arguments.output, Config.model_json_schema())


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output",
        type=output_file,
        default=SCHEMA,
        help="JSON file to write (default: the project's resources/config.schema.json)",
    )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
