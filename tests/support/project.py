"""Where the parts of the project lie that tests use."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
RESOURCES = ROOT / "resources"
REPORT = ROOT / "report"
STYLE = REPORT / "figures.mplstyle"
PROMPTS = RESOURCES / "prompts"
