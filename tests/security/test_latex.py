"""Texts of models, data and configurations in LaTeX: printed, never run."""

import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecslm.common.errors import InputError
from ecslm.reports.document import compile_pdf
from ecslm.tables.latex import SPECIAL, escape

ATTACKS = (
    r"\immediate\write18{touch ran}",
    r"\input{/etc/passwd}",
    r"\input|\"touch ran\"",
    r"\openout15=ran\relax\write15{x}\closeout15",
    r"\csname write18\endcsname{touch ran}",
    r"^^5cinput{/etc/passwd}",
    r"}\end{document}",
    "% a comment that swallows the rest",
    r"\catcode`\%=0 %input{/etc/passwd}",
    "$\\loop\\iftrue\\repeat$",
    "a & b \\\\ c # d ~ e _ f",
)
# What TeX acts on, in its usual table of characters.
ACTIVE = set("\\{}$&#^_~%")


@given(st.text(st.sampled_from([*SPECIAL, *"abc123 .,:-[]()@!?\"'`"]), max_size=40))
@example("".join(ATTACKS))
@settings(max_examples=200)
def test_an_escaped_text_has_no_character_that_acts_but_those_of_the_escapes(text: str) -> None:
    rest = escape(text)
    for escaped in sorted(SPECIAL.values(), key=len, reverse=True):
        rest = rest.replace(escaped, "")
    assert not ACTIVE & set(rest)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if shutil.which("latexmk") is None:
        pytest.fail("latexmk is missing: see README")
    (tmp_path / "document").mkdir()
    return tmp_path / "document"


def compiled(folder: Path, body: str) -> Path:
    tex = folder / "whole.tex"
    tex.write_text(
        f"\\documentclass{{article}}\\begin{{document}}x {body}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    compile_pdf(tex, folder / "whole.pdf")
    return folder / "whole.pdf"


def test_attacks_are_printed_as_they_are(folder: Path) -> None:
    lines = "\n\n".join(escape(attack) for attack in ATTACKS)
    assert compiled(folder, lines).read_bytes().startswith(b"%PDF")
    assert {path.name for path in folder.iterdir()} == {"whole.tex", "whole.pdf"}


@pytest.mark.parametrize(
    "command",
    [
        r"\input{|touch ran}",
        r"\input{/etc/passwd}",
        r"\input{../secret.tex}",
        r"\newwrite\out\immediate\openout\out=../outside.tex\immediate\write\out{x}",
    ],
)
def test_a_command_that_was_not_escaped_would_start_nothing_and_read_and_write_nothing_outside(
    command: str, folder: Path
) -> None:
    (folder.parent / "secret.tex").write_text("a secret", encoding="utf-8")
    with pytest.raises(InputError, match="LaTeX failed"):
        compiled(folder, command)
    assert not (folder / "ran").exists()
    assert not (folder.parent / "outside.tex").exists()


def test_settings_of_the_user_cannot_open_what_is_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"shell_escape": "t", "openin_any": "a", "openout_any": "a"}.items():
        monkeypatch.setenv(name, value)
    (folder / "latexmkrc").write_text("system('touch ran');", encoding="utf-8")
    compiled(folder, rf"\immediate\write18{{touch {folder / 'ran'}}}")
    assert not (folder / "ran").exists()
