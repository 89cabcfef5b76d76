"""Describe the records of one task: counts, labels, token lengths, truncated inputs."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_json
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.data.card.description import describe, load_tokenizer
from ecslm.data.card.settings import DESCRIPTION_LIBRARIES as LIBRARIES
from ecslm.data.card.settings import DescriptionSettings
from ecslm.fingerprint.running import as_planned
from ecslm.models.architecture import read_architecture
from ecslm.models.bases import described_folder
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import read_task


def main(arguments: argparse.Namespace) -> None:
    """Read the records, describe them, write the description and its manifest."""
    settings = read_settings(arguments.settings, DescriptionSettings)
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    template = PromptTemplate(arguments.template, arguments.template_digest)
    inputs = [*arguments.records, arguments.base]
    origin = made_from(inputs, settings, arguments.code, versions, template.sha256)
    base = described_folder(arguments.base)
    tokenizer, architecture = load_tokenizer(base / "tokenizer.json"), read_architecture(base)
    records = [row for path in arguments.records for row in read_task(path, arguments.task)]
    description = describe(arguments.task, records, template, tokenizer, settings, architecture)
    require_unchanged(origin)
    write_json(arguments.output, description.model_dump(mode="json"))
    write_manifest(arguments.manifest or manifest_of(arguments.output), origin, [arguments.output])


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--task", required=True, help="code of the task, for example QPR")
    add("--records", type=Path, nargs="+", required=True, help="dataset files of any splits")
    add("--base", type=Path, required=True, help="manifest.json of the base with the tokenizer")
    add(
        "--template",
        type=Path,
        required=True,
        help="Jinja file of the prompt, as in resources/prompts",
    )
    add(
        "--template-digest",
        help="set by a run: digest of the template; another template is refused",
    )
    add("--settings", required=True, help="answer type, tokenizer, lengths: JSON or @FILE")
    add("--output", type=output_file, required=True, help="description to write (JSON)")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
