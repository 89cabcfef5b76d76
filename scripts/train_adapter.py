"""Train an adapter on dataset files with QLoRA."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.usage import output_file
from ecslm.fingerprint.running import as_planned
from ecslm.training.run import train_adapter
from ecslm.training.settings import AdapterSettings

EPILOG = """\
example:
  %(prog)s --base results/bases/SmolLM2-135M/manifest.json \\
      --template resources/prompts/chatml.jinja --train results/demo/dataset/SA/train.jsonl \\
      --val results/demo/dataset/SA/val.jsonl --output mine/manifest.json
"""


def main(arguments: argparse.Namespace) -> None:
    """Train and write the adapter's files."""
    start_log(arguments.log, more=arguments.part_of is not None)
    settings = read_settings(arguments.settings, AdapterSettings)
    train_adapter(
        model=arguments.model,
        train=arguments.train,
        validation=arguments.val,
        base=arguments.base,
        template=arguments.template,
        template_digest=arguments.template_digest,
        settings=settings,
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        manifest=arguments.output,
        code=arguments.code,
        checkpoint_seconds=arguments.checkpoint_seconds,
        processes=arguments.processes,
        part_of=arguments.part_of,
        log_file=arguments.log,
    )


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", help="name of the model, recorded in the manifest")
    add("--train", type=Path, nargs="+", required=True, help="dataset files to train on")
    add("--val", type=Path, nargs="+", required=True, help="dataset files for the evaluation loss")
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
    add("--settings", help="precision, shots and training settings: JSON or @FILE")
    add("--seed", type=int, default=0, help="seed of initial weights and order of records")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default: cpu)")
    add(
        "--threads",
        type=int,
        default=2,
        help="CPU threads (default: 2); the number decides how sums are rounded",
    )
    add(
        "--processes",
        type=int,
        default=1,
        help="processes that train together, one for each GPU (default: 1)",
    )
    add(
        "--output",
        type=output_file,
        required=True,
        help="manifest.json to write, next to the adapter",
    )
    add(
        "--code",
        help="set by a run: digest of the code, which is recorded; other code refuses to run",
    )
    add(
        "--checkpoint-seconds",
        type=float,
        default=300,
        help="seconds between checkpoints (default: 300)",
    )
    add("--part-of", type=Path, help="set by this script for the processes that it starts")
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
