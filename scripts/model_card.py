"""Write the card of an exported model: base, licences, data, recipe, scores, cost, failures."""

from pathlib import Path

from ecslm.exports.card import render_card
from ecslm.exports.settings import OF_CARDS, ModelCardSettings
from ecslm.script import Origin, OutputFile, job, run_script


@job(OF_CARDS)
def main(
    origin: Origin,
    settings: ModelCardSettings,
    results: Path,
    base: Path,
    template: Path,
    output: OutputFile,
) -> None:
    """
    Args:
        settings: model, licences, data and tasks: JSON or @FILE
        results: results directory of the study, as results/demo
        base: manifest.json of the base
        template: Jinja template of the card
        output: card (Markdown) to write
    """
    origin.reads(*(results / path for path in settings.files()), base, template)
    origin.writes({output: render_card(template, results, base, settings)})


if __name__ == "__main__":
    run_script(main)
