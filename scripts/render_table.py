"""Render one table: LaTeX fragments, and their JSON twin with the source of each cell."""

from dataclasses import asdict
from pathlib import Path

from ecslm.common.files import json_text
from ecslm.script import Origin, OutputFile, job, run_script
from ecslm.tables.inputs import Inputs
from ecslm.tables.kind import TableRequest
from ecslm.tables.latex import render_table


@job()
def main(
    origin: Origin,
    table: str,
    settings: TableRequest,
    template: Path,
    float_template: Path,
    results: Path,
    tex: OutputFile,
    tabular: OutputFile,
    json: OutputFile,
    published: Path | None = None,
    notes: Path | None = None,
) -> None:
    """
    Args:
        table: name of the table
        settings: the table's entry and the study: JSON or @FILE
        template: Jinja template of a tabular
        float_template: Jinja template of the float around it
        results: results directory of the study, as results/demo
        tex: LaTeX fragment to write, with caption and notes
        tabular: LaTeX fragment to write, only the tabulars
        json: JSON twin to write
        published: published counts, as CSV, for tables of kind dataset or parameters
        notes: notes on published numbers, as CSV, for tables of kind reproduction
    """
    resources = {"published": published, "notes": notes}
    origin.reads(*(results / path for path in settings.table.files), template, float_template)
    origin.reads(*resources.values())
    built = settings.table.build(table, Inputs(settings.context, results, resources))
    floats, tabulars = render_table(template, float_template, built)
    origin.writes({tex: floats, tabular: tabulars, json: json_text(asdict(built))})


if __name__ == "__main__":
    run_script(main)
