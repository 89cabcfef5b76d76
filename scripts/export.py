"""Merge an adapter into its base: a folder that transformers, vLLM or llama.cpp load alone.
The model then answers some test records once more, to show that it equals its base with the
adapter: equality.json in the folder.
"""

from pathlib import Path

from ecslm.common.devices import lease_devices
from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.common.worker import free_memory
from ecslm.exports.settings import ExportSettings
from ecslm.script import Device, OutputFile, job, run_script


@job(log=True)
def main(
    adapter: Path,
    base: Path,
    template: Path,
    dataset: list[Path],
    settings: ExportSettings,
    output: OutputFile,
    model: str | None = None,
    template_digest: str | None = None,
    batch_tokens: int = 4000,
    seed: int = 0,
    device: Device = "cpu",
    threads: int = 2,
    code: str | None = None,
) -> None:
    """
    Args:
        adapter: manifest.json of the adapter
        base: manifest.json of the base weights, as results/bases/NAME/manifest.json
        template: Jinja file of the prompt, as in resources/prompts
        dataset: test file of each task
        settings: precision, tasks and records: JSON or @FILE
        output: manifest.json to write, in the model's folder
        model: name of the model, which must be that of the adapter (default: any)
        template_digest: set by a run: digest of the template; another template is refused
        batch_tokens: most tokens in a batch, padding included; --settings takes precedence
        seed: seed of the adapter, and of sampled decoding
        device: where to compute
        threads: CPU threads; the number decides how sums are rounded
        code: set by a run: digest of the code, which is recorded; other code refuses to run
    """
    if len(dataset) != len(settings.tasks):
        given, wanted = number_of(len(dataset), "file"), number_of(len(settings.tasks), "task")
        raise InputError(f"--dataset: {given} for {wanted}")
    lease_devices(device)
    free_memory()
    # Only now: it loads torch, and libraries that log at once.
    from ecslm.exports.run import export_model
    from ecslm.prediction.backend import Request

    request = Request(
        settings=next(iter(settings.tasks.values())),
        model=model,
        base=base,
        adapter=adapter,
        adapter_of=model,
        template=template,
        template_digest=template_digest,
        batch_tokens=batch_tokens,
        seed=seed,
        device=device,
        threads=threads,
    )
    files = dict(zip(settings.tasks, dataset, strict=True))
    export_model(request, files, settings, output, code)


if __name__ == "__main__":
    run_script(main)
