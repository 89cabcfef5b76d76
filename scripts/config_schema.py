"""Write the JSON schema of config.yaml, with which editors complete and check it."""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.files import write_json
from ecslm.common.usage import output_file
from ecslm.config.schema import Config

SCHEMA = Path(__file__).resolve().parents[1] / "resources/config.schema.json"


def main() -> None:
    """Parse the options and write the schema."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output",
        type=output_file,
        default=SCHEMA,
        help="JSON file to write (default: %(default)s)",
    )
    run_script(run, parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the schema to the file that the parsed options name."""
    write_json(arguments.output, Config.model_json_schema())


if __name__ == "__main__":
    main()
