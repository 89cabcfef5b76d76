"""Score generated answers with BERTScore, one row per record, for `score.py --bertscore`.

example:
  python scripts/bertscore.py --predictions P.jsonl --output B.jsonl \\
      --encoder results/bases/MiniLM-L6/manifest.json \\
      --settings '{"layer": 5, "rescale_language": null}'
  python scripts/score.py --task AG --predictions P.jsonl --bertscore B.jsonl
"""

from pathlib import Path

from ecslm.common.devices import lease_devices
from ecslm.common.files import write_jsonl
from ecslm.common.manifests import manifest_of, require_unchanged
from ecslm.common.workdir import Outputs, work_folder
from ecslm.models.bases import base_identity
from ecslm.scoring.predictions import given_predictions
from ecslm.scoring.settings import BertScoreSettings
from ecslm.script import Device, Origin, OutputFile, job, run_script


@job(log=True)
def main(
    origin: Origin,
    predictions: Path,
    encoder: Path,
    settings: BertScoreSettings,
    output: OutputFile,
    device: Device = "cpu",
) -> None:
    """
    Args:
        predictions: predictions file of a generation task, in the format explained by score.py
            --help
        encoder: manifest.json of the encoder's weights, which `snakemake -- bases` writes to
            results/bases
        settings: JSON or @FILE; default, for roberta-large: {"layer": 17, "rescale_language":
            "en"}; the demo, for MiniLM-L6: {"layer": 5, "rescale_language": null}
        output: file to write (JSON Lines), one row per record
        device: where to compute
    """
    origin.reads(predictions, encoder)
    given = given_predictions(predictions)
    require_unchanged(origin.fields)
    action = {
        "step": "bertscore",
        "predictions": origin.fields["inputs"][str(predictions)],
        "encoder": base_identity(encoder),
        "device": device,
    }
    outputs = Outputs(origin.manifest or manifest_of(output), {"rows": output})
    with work_folder(outputs, action, origin.fields) as work:
        if work.restored():
            return
        lease_devices(device)
        # Loads torch, so it is imported when it is certain that rows must be computed.
        from ecslm.scoring.bertscore import bertscore

        identity, rows = bertscore(given, encoder, settings, device, work.folder)
        made = work.folder / "made" / "rows"
        write_jsonl(made, rows)
        work.publish({"rows": made}, identity)


if __name__ == "__main__":
    run_script(main)
