"""Write the JSON schema of config.yaml, with which editors complete and check it, and the page
that explains every key."""

from pathlib import Path

from ecslm.common.files import write_json, write_text
from ecslm.config.reference_page import Described, reference_page
from ecslm.config.schema import Config
from ecslm.script import OutputFile, run_script

PROJECT = Path(__file__).resolve().parents[1]


def main(
    output: OutputFile = PROJECT / "resources/config.schema.json",
    markdown: OutputFile = PROJECT / "docs/configuration.md",
) -> None:
    """
    Args:
        output: where to write the JSON schema
        markdown: where to write the page
    """
    schema = Config.model_json_schema(schema_generator=Described)
    write_json(output, schema)
    write_text(markdown, reference_page(schema))


if __name__ == "__main__":
    run_script(main)
