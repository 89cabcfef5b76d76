"""Score generated answers with BERTScore; one row a record, for `score.py --bertscore`."""

import argparse
from pathlib import Path

from ecslm.bertscore import bertscore
from ecslm.bertscore_settings import BertScoreSettings
from ecslm.files import read_settings, run_script, write_json, write_jsonl
from ecslm.generation.prediction import read_predictions
from ecslm.logs import add_log_option, start_log


def main() -> None:
    """Parse the options, score, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions file of a generation task")
    add("--encoder", type=Path, required=True, help="manifest.json of the encoder's weights")
    add("--settings", help="layer and rescaling: JSON or @FILE")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute")
    add("--output", type=Path, required=True, help="rows (JSON Lines) to write")
    add("--manifest", type=Path, help="how it was made (default: OUTPUT with .manifest.json)")
    add_log_option(parser)
    run_script(run, parser)


def run(arguments: argparse.Namespace) -> None:
    """Score with the parsed options."""
    start_log(arguments.log)
    digest, rows = bertscore(
        read_predictions(arguments.predictions),
        arguments.encoder,
        read_settings(arguments.settings, BertScoreSettings),
        arguments.device,
    )
    write_json(arguments.manifest or arguments.output.with_suffix(".manifest.json"), digest)
    write_jsonl(arguments.output, rows)


if __name__ == "__main__":
    main()
