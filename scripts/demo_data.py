"""Write the demo data: rows of all ten tasks in the form of the release, and the labels of QPR."""

import argparse

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.usage import output_file
from ecslm.data.demo.generator import generate_rows, load_texts, qpr_labels
from ecslm.data.demo.settings import DemoSettings


def main(arguments: argparse.Namespace) -> None:
    """Generate the rows, and the labels if requested."""
    settings = read_settings(arguments.settings, DemoSettings)
    texts = load_texts(settings)
    write_jsonl(arguments.output, generate_rows(settings, texts))
    if arguments.labels is not None:
        write_json(arguments.labels, qpr_labels(settings, texts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output",
        type=output_file,
        required=True,
        metavar="FILE.jsonl",
        help="where to write the rows",
    )
    parser.add_argument(
        "--labels",
        type=output_file,
        metavar="FILE.json",
        help="where to write the E/S/C/I labels of the in-domain QPR test rows (default: nowhere)",
    )
    parser.add_argument(
        "--settings",
        metavar="JSON|@FILE",
        help="settings as JSON or @file: seed, catalogue, instructions, "
        "train, val, test_ind, test_ood (records per task), tasks (sizes of single tasks by code); "
        "default: those of the schema",
    )
    run_script(main, parser)
