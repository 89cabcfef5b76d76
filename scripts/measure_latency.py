"""Measure how long a model takes to answer test prompts one at a time."""

import argparse
import os
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.manifests import add_manifest_options, manifest_of
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.worker.place import RUN_VARIABLE
from ecslm.fingerprint.running import as_planned
from ecslm.prediction.latency import measure_latency
from ecslm.prediction.latency_settings import LatencySettings


def main(arguments: argparse.Namespace) -> None:
    """Measure, and write how long each answer took and the manifest."""
    start_log(arguments.log)
    measure_latency(
        model=arguments.model,
        datasets=arguments.datasets,
        base=arguments.base,
        adapter=arguments.adapter,
        adapter_of=arguments.adapter_of,
        template=arguments.template,
        template_digest=arguments.template_digest,
        settings=read_settings(arguments.settings, LatencySettings),
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        output=arguments.output,
        manifest=arguments.manifest or manifest_of(arguments.output),
        code=arguments.code,
        worker_code=arguments.worker_code,
        run=os.environ.get(RUN_VARIABLE),
    )


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the backend, and those that it loads."""
    return read_settings(arguments.settings, LatencySettings).modules()


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--model", help="name of the model, which must be that of the adapter (default: any)")
    add("--datasets", type=Path, nargs="+", required=True, help="dataset files of test records")
    add(
        "--base",
        type=Path,
        required=True,
        help="manifest.json of the base weights, as results/bases/NAME/manifest.json",
    )
    add("--adapter", type=Path, help="manifest.json of the adapter (default: none)")
    add("--adapter-of", help="name of the model that the adapter was trained as (default: --model)")
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
    add("--settings", required=True, help="sample, and how tasks are answered: JSON or @FILE")
    add("--seed", type=int, default=0, help="seed of sampled decoding, and of the adapter")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default: cpu)")
    add("--threads", type=int, default=2, help="CPU threads (default: 2)")
    add(
        "--worker-code",
        help="set by a run: digest of predict.py's code, which identifies its process",
    )
    add(
        "--output",
        type=output_file,
        required=True,
        help="file to write: the seconds of each answer",
    )
    add_manifest_options(parser)
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
