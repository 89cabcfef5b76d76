"""Let a model answer the records of a file, of one task.

What answers is a backend: `transformers`, the default, needs --base and --template and may have an
--adapter; `openai` asks a server, `recorded` takes answers that exist, and `learned` learns from
--train and --val, without a language model.
"""

import argparse
import os
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.manifests import add_manifest_options, manifest_of
from ecslm.common.usage import output_file
from ecslm.common.worker.place import RUN_VARIABLE
from ecslm.fingerprint.running import as_planned
from ecslm.prediction.backend import modules_of, read_prediction_settings
from ecslm.prediction.run import predict

EPILOG = """\
A file of records has one JSON object per line. Your own needs three fields:
  instruction       what to do
  input             what to do it with, may be empty
  output            the right answer, for scores: the model does not see it
Others are optional and may be null:
  options           for a choice: a list such as ["A: positive", "B: negative"]
  relevance         for scores of a ranking: the labels E, S, C or I of the products, in order
  task              code of the task, for example SA (default: --task)
  setting           scores are grouped by it (default: IND_Diverse_Instruction)
  id, sample_id     unique names of the line and of its sample (default: the line's number)
  few_shot_example  for a model with an example in its prompt
  split             has no effect

example:
  %(prog)s --dataset mine.jsonl --task SA --output P.jsonl \\
      --base results/bases/SmolLM2-135M/manifest.json --template resources/prompts/chatml.jinja \\
      --adapter results/demo/adapters/SmolLM2-135M-EC/seed-0/manifest.json
  python scripts/score.py --predictions P.jsonl
"""


def main(arguments: argparse.Namespace) -> None:
    """Predict and write the predictions, their cost and their manifest."""
    start_log(arguments.log)
    settings = read_prediction_settings(arguments.settings)
    predict(
        model=arguments.model,
        dataset=arguments.dataset,
        task=arguments.task,
        base=arguments.base,
        adapter=arguments.adapter,
        adapter_of=arguments.adapter_of,
        answers=arguments.answers,
        train=arguments.train,
        val=arguments.val,
        template=arguments.template,
        template_digest=arguments.template_digest,
        settings=settings,
        batch_tokens=settings.budget(arguments.batch_tokens),
        seed=arguments.seed,
        device=arguments.device,
        threads=arguments.threads,
        access=arguments.access,
        output=arguments.output,
        cost=arguments.cost or arguments.output.with_suffix(".cost.json"),
        manifest=arguments.manifest or manifest_of(arguments.output),
        code=arguments.code,
        run=os.environ.get(RUN_VARIABLE),
    )


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the backend, and those that it loads."""
    return modules_of(read_prediction_settings(arguments.settings))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", help="name of the model, which must be that of the adapter (default: any)")
    add("--dataset", type=Path, required=True, help="records to answer (JSON Lines), see below")
    add("--task", help="code of the task of records that name none, for example SA")
    add(
        "--base",
        type=Path,
        help="manifest.json of the base weights, as results/bases/NAME/manifest.json",
    )
    add("--adapter", type=Path, help="manifest.json of the adapter (default: none)")
    add("--adapter-of", help="name of the model that the adapter was trained as (default: --model)")
    add("--answers", type=Path, nargs="+", default=[], help="files of answers that exist already")
    add("--train", type=Path, help="records of the task to learn from (JSON Lines)")
    add("--val", type=Path, help="records of the task to choose settings by (JSON Lines)")
    add("--template", type=Path, help="Jinja file of the prompt, as in resources/prompts")
    add(
        "--template-digest",
        help="set by a run: digest of the template; another template is refused",
    )
    add("--settings", help="the backend and what it needs: JSON or @FILE")
    add(
        "--batch-tokens",
        type=int,
        default=4000,
        help="most tokens in a batch, padding included (default: 4000); --settings takes "
        "precedence",
    )
    add("--seed", type=int, default=0, help="seed of sampled decoding, and of the adapter")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default: cpu)")
    add(
        "--threads",
        type=int,
        default=2,
        help="CPU threads (default: 2); the number decides how sums are rounded",
    )
    add("--access", help="how a server is reached, and its budget: JSON or @FILE")
    add("--output", type=output_file, required=True, help="predictions file (JSON Lines) to write")
    add("--cost", type=output_file, help="cost file to write (default: OUTPUT with .cost.json)")
    add_manifest_options(parser)
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
