"""Write the data card of a study: counts, labels, lengths, overlap of test with training."""

from pathlib import Path

from ecslm.data.card import CardSettings, card_files, render_card
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin, settings: CardSettings, results: Path, template: Path, output: OutputFile
) -> None:
    """
    Args:
        settings: source, licence and tasks: JSON or @FILE
        results: results directory of the study, as results/demo
        template: Jinja template of the card
        output: card (Markdown) to write
    """
    origin.reads(*(results / path for path in card_files(settings)), template)
    origin.writes({output: render_card(template, results, settings)})


if __name__ == "__main__":
    run_script(main)
