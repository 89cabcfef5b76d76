"""Score generated answers with BERTScore, one row per record, for `score.py --bertscore`."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.devices.lease import lease_devices
from ecslm.common.errors import Problem
from ecslm.common.files import write_jsonl
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    refuse_replaced,
    require_unchanged,
)
from ecslm.common.rows import Numbered, repeated_ids
from ecslm.common.usage import output_file
from ecslm.common.versions import lock_versions
from ecslm.common.workdir import Outputs, work_folder
from ecslm.common.worker.client import free_memory
from ecslm.fingerprint.running import as_planned
from ecslm.models.bases import base_identity
from ecslm.schemas.paths import FINISHED
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.bertscore.settings import LIBRARIES, BertScoreSettings
from ecslm.scoring.given_predictions import read_given

EPILOG = """\
example:
  %(prog)s --predictions P.jsonl --output B.jsonl --encoder results/bases/MiniLM-L6/manifest.json \\
      --settings '{"layer": 5, "rescale_language": null}'
  python scripts/score.py --task AG --predictions P.jsonl --bertscore B.jsonl
"""


def main(arguments: argparse.Namespace) -> None:
    """Score the answers; write the rows and their manifest."""
    start_log(arguments.log)
    settings = read_settings(arguments.settings, BertScoreSettings)
    inputs, output = [arguments.predictions, arguments.encoder], arguments.output
    manifest = arguments.manifest or manifest_of(output)
    named = {"--predictions": arguments.predictions, "--encoder": arguments.encoder}
    refuse_replaced(named, {"--output": output}, manifest)
    origin = made_from(inputs, settings, arguments.code, lock_versions(LIBRARIES))
    given = read_given(arguments.predictions, check=repeated_predictions, check_whole=none_given)
    predictions = [prediction for _, prediction in given]
    require_unchanged(origin)
    action = {
        "step": "bertscore",
        "predictions": origin["inputs"][str(arguments.predictions)],
        "encoder": base_identity(arguments.encoder),
        "device": arguments.device,
    }
    with work_folder(Outputs(manifest, {"rows": output}), action, origin, FINISHED) as work:
        if work.restored():
            return
        lease_devices(arguments.device)
        free_memory()
        # Loads torch, so it is imported when it is certain that rows must be computed.
        from ecslm.scoring.bertscore.run import bertscore

        identity, rows = bertscore(
            predictions, arguments.encoder, settings, arguments.device, arguments.cache
        )
        made = work.folder / "made" / "rows"
        write_jsonl(made, rows)
        work.publish({"rows": made}, identity)


def repeated_predictions(rows: Numbered[ScoredPrediction]) -> Iterator[Problem]:
    """Problems of ids on several lines, which would have several BERTScores."""
    return repeated_ids((line, prediction.id) for line, prediction in rows)


def none_given(rows: Numbered[ScoredPrediction]) -> Iterator[str]:
    """The problem of a file without predictions."""
    if not rows:
        yield "no predictions"


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--predictions",
        type=Path,
        required=True,
        help="predictions file of a generation task, in the format explained by score.py --help",
    )
    add(
        "--encoder",
        type=Path,
        required=True,
        help="manifest.json of the encoder's weights, which `snakemake -- bases` writes to "
        "results/bases",
    )
    add(
        "--settings",
        help='JSON or @FILE; default, for roberta-large: {"layer": 17, "rescale_language": "en"}; '
        'the demo, for MiniLM-L6: {"layer": 5, "rescale_language": null}',
    )
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default: cpu)")
    add("--cache", type=Path, help="cache directory for values of pairs of texts (default: none)")
    add(
        "--output",
        type=output_file,
        required=True,
        help="file to write (JSON Lines), one row per record",
    )
    add_manifest_options(parser)
    add_log_option(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
