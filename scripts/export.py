"""Merge an adapter into its base: a folder that transformers, vLLM or llama.cpp load alone.
The model then answers some test records once more, to show that it equals its base with the
adapter: equality.json in the folder.
"""

from pathlib import Path

from ecslm.common.devices import lease_devices
from ecslm.exports.settings import ExportSettings
from ecslm.families.backend import AskedModel
from ecslm.script import OutputFile, job, run_script


@job(log=True, needs=("base", "adapter", "template"))
def main(
    asked: AskedModel,
    dataset: list[Path],
    settings: ExportSettings,
    output: OutputFile,
    batch_tokens: int = 4000,
    code: str | None = None,
) -> None:
    """
    Args:
        dataset: test file of each task
        settings: precision, tasks and records: JSON or @FILE
        output: manifest.json to write, in the model's folder
        batch_tokens: most tokens in a batch, padding included; --settings takes precedence
        code: set by a run: digest of the code, which is recorded; other code refuses to run
    """
    lease_devices(asked.device)
    # Only now: it loads torch, and libraries that log at once.
    from ecslm.exports.run import export_model

    files = dict(zip(settings.tasks, dataset, strict=True))
    export_model(asked, files, settings, batch_tokens, output, code)


if __name__ == "__main__":
    run_script(main)
