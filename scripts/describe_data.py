"""Describe the records of one task: counts, labels, token lengths, truncated inputs."""

from pathlib import Path

from ecslm.data.description import describe, load_tokenizer
from ecslm.data.settings import DescriptionSettings
from ecslm.models.architecture import read_architecture
from ecslm.models.bases import read_base
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import read_task
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    task: str,
    records: list[Path],
    base: Path,
    template: Path,
    settings: DescriptionSettings,
    output: OutputFile,
    template_digest: str | None = None,
) -> None:
    """
    Args:
        task: code of the task, for example QPR
        records: dataset files of any splits
        base: manifest.json of the base with the tokenizer
        template: Jinja file of the prompt, as in resources/prompts
        settings: answer type, tokenizer, lengths: JSON or @FILE
        output: description to write (JSON)
        template_digest: set by a run: digest of the template; another template is refused
    """
    prompt = PromptTemplate(template, template_digest)
    origin.reads(*records, base)
    origin.made_with(settings, template_sha256=prompt.sha256)
    _, folder = read_base(base)
    tokenizer, architecture = load_tokenizer(folder / "tokenizer.json"), read_architecture(folder)
    rows = [row for path in records for row in read_task(path, task)]
    origin.writes({output: describe(rows, prompt, tokenizer, settings, architecture)})


if __name__ == "__main__":
    run_script(main)
