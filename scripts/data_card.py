"""Write the data card of a study: counts, labels, lengths, overlap of test with training."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_text
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.data.card.card import CardSettings, card_files, render_card
from ecslm.data.card.settings import CARD_LIBRARIES as LIBRARIES
from ecslm.fingerprint.running import as_planned


def main(arguments: argparse.Namespace) -> None:
    """Render the card and write it."""
    settings = read_settings(arguments.settings, CardSettings)
    inputs = [*(arguments.results / path for path in card_files(settings)), arguments.template]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    card = render_card(arguments.template, arguments.results, settings)
    require_unchanged(origin)
    write_text(arguments.output, card)
    write_manifest(arguments.manifest or manifest_of(arguments.output), origin, [arguments.output])


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="source, licence and tasks: JSON or @FILE")
    add(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    add("--template", required=True, type=Path, help="Jinja template of the card")
    add("--output", required=True, type=output_file, help="card (Markdown) to write")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
