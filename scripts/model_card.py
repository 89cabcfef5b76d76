"""Write the card of an exported model: base, licences, data, recipe, scores, cost, failures."""

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
from ecslm.exports.card import render_card
from ecslm.exports.card_settings import LIBRARIES, ModelCardSettings, card_files, card_modules
from ecslm.fingerprint.running import as_planned


def main(arguments: argparse.Namespace) -> None:
    """Render the card and write it."""
    settings = read_settings(arguments.settings, ModelCardSettings)
    files = [arguments.results / path for path in card_files(settings)]
    inputs = [*files, arguments.base, arguments.template]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    card = render_card(arguments.template, arguments.results, arguments.base, settings)
    require_unchanged(origin)
    write_text(arguments.output, card)
    write_manifest(arguments.manifest or manifest_of(arguments.output), origin, [arguments.output])


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The modules of the tasks' answers and metrics."""
    return card_modules(read_settings(arguments.settings, ModelCardSettings))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="model, licences, data and tasks: JSON or @FILE")
    add(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    add("--base", required=True, type=Path, help="manifest.json of the base")
    add("--template", required=True, type=Path, help="Jinja template of the card")
    add("--output", required=True, type=output_file, help="card (Markdown) to write")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
