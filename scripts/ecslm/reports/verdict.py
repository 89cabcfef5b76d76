"""The verdict on the study's claims, for the beginning of the document."""

from pathlib import Path

from ecslm.reports.settings import ReportSettings
from ecslm.schemas.paths import TABLE_JSON
from ecslm.tables.model import read_table

# Kinds of tables that say what was found. That of costs is none of them: the document would hold
# clock values, which its tables alone may.
KINDS = ("claims",)


def verdict(settings: ReportSettings, results: Path) -> list[str]:
    """The paragraphs of the study's tables of claims.

    Raises:
        InputError: a table is missing, altered or invalid.
    """
    tables = [read_table(results / TABLE_JSON.format(table=name)) for name in settings.tables]
    return [paragraph for one in tables if one.kind in KINDS for paragraph in one.summary]
