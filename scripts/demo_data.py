"""Write the demo data: rows of all ten tasks in the form of the release, and the labels of QPR."""

import argparse

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.usage import output_file
from ecslm.data.demo.generator import generate_rows, load_texts, qpr_labels
from ecslm.data.demo.settings import DemoSettings

EPILOG = """\
example:
  %(prog)s --output rows.jsonl --settings '{"train": 10, "val": 2, "test_ind": 5}'
"""


def main(arguments: argparse.Namespace) -> None:
    """Generate the rows, and the labels if requested."""
    settings = read_settings(arguments.settings, DemoSettings)
    texts = load_texts(settings)
    write_jsonl(arguments.output, generate_rows(settings, texts))
    if arguments.labels is not None:
        write_json(arguments.labels, qpr_labels(settings, texts))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=output_file, required=True, help="file to write: the rows (JSON Lines)")
    add(
        "--labels",
        type=output_file,
        help="file to write: the E/S/C/I labels of the in-domain QPR test rows (default: none)",
    )
    add(
        "--settings",
        help="JSON or @FILE: seed; catalogue, instructions (files); train, val, test_ind, test_ood "
        "(records per task); tasks (sizes of single tasks, by code)",
    )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
