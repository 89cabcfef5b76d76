"""Merge an adapter into its base: a folder that transformers, vLLM or llama.cpp load alone.

The model then answers some test records once more, to show that it equals its base with the
adapter: equality.json in the folder.
"""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.devices.lease import lease_devices
from ecslm.common.errors import InputError
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.text import number_of
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.worker.client import free_memory
from ecslm.exports.settings import ExportSettings
from ecslm.fingerprint.running import as_planned


def main(arguments: argparse.Namespace) -> None:
    """Merge, compare, and write the folder."""
    start_log(arguments.log)
    settings = read_settings(arguments.settings, ExportSettings)
    datasets = files_by_task(arguments.dataset, settings)
    lease_devices(arguments.device)
    free_memory()
    # Only now: it loads torch, and libraries that log at once.
    from ecslm.exports.run import export_model

    export_model(
        model=arguments.model,
        datasets=datasets,
        base=arguments.base,
        adapter=arguments.adapter,
        template=arguments.template,
        template_digest=arguments.template_digest,
        settings=settings,
        batch_tokens=arguments.batch_tokens,
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        manifest=arguments.output,
        code=arguments.code,
    )


def files_by_task(files: list[Path], settings: ExportSettings) -> dict[str, Path]:
    """The dataset files by the tasks of the settings, whose order they have.

    Raises:
        InputError: there are more or fewer than tasks.
    """
    if len(files) != len(settings.tasks):
        given, wanted = number_of(len(files), "file"), number_of(len(settings.tasks), "task")
        raise InputError(f"--dataset: {given} for {wanted}")
    return dict(zip(settings.tasks, files, strict=True))


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The modules that answering loads."""
    return read_settings(arguments.settings, ExportSettings).modules()


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--model", help="name of the model, which must be that of the adapter (default: any)")
    add("--adapter", type=Path, required=True, help="manifest.json of the adapter")
    add(
        "--base",
        type=Path,
        required=True,
        help="manifest.json of the base weights, as results/bases/NAME/manifest.json",
    )
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
    add("--dataset", type=Path, nargs="+", required=True, help="test file of each task")
    add("--settings", required=True, help="precision, tasks and records: JSON or @FILE")
    add(
        "--batch-tokens",
        type=int,
        default=4000,
        help="most tokens in a batch, padding included (default: 4000); --settings takes "
        "precedence",
    )
    add("--seed", type=int, default=0, help="seed of the adapter, and of sampled decoding")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default: cpu)")
    add(
        "--threads",
        type=int,
        default=2,
        help="CPU threads (default: 2); the number decides how sums are rounded",
    )
    add(
        "--output",
        type=output_file,
        required=True,
        help="manifest.json to write, in the model's folder",
    )
    add(
        "--code",
        help="set by a run: digest of the code, which is recorded; other code refuses to run",
    )
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
