"""The project's pages in Markdown: what stands in their blocks of code.

Blocks of `console` have `$ ` before what a reader types, and output; all of `bash` is typed. In
blocks without a language, lines are typed that begin with `$ `, or as commands of this project.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.project import ROOT

OWN_COMMANDS = re.compile(r"\$ |(make|snakemake|python|\.venv/bin/\S+)( |$)")
PROMPT = "$ "
# Where one command of a line ends and another begins.
BETWEEN = {";", "&&", "||", "|", "&", "(", ")", "<", ";;"}
KEYWORDS = {"do", "done", "then", "fi", "time"}
MARKDOWN = MarkdownIt().enable("table")


@dataclass(frozen=True)
class Block:
    """A block of code: its language and text, and the page and line where it begins."""

    page: "Page"
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command that a reader types, as words, and the block that it stands in."""

    block: Block
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.block}: {shlex.join(self.words)}"

    @property
    def program(self) -> str:
        """The program, without its folder."""
        return Path(self.words[0]).name


@dataclass(frozen=True)
class Page:
    """A page."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def _tokens(self) -> list[Token]:
        return MARKDOWN.parse(self.path.read_text(encoding="utf-8"))

    @property
    def blocks(self) -> Iterator[Block]:
        """Its fenced blocks."""
        for token in self._tokens:
            if token.type == "fence":
                assert token.map is not None
                yield Block(self, token.map[0] + 1, token.info.strip(), token.content)

    @property
    def commands(self) -> Iterator[Command]:
        """What a reader types."""
        for block in self.blocks:
            yield from commands_of(block)


@cache
def pages() -> list[Page]:
    """All pages of the project, of whatever folder."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    return [Page(path) for path in sorted(found)]


def commands_of(block: Block) -> Iterator[Command]:
    """The commands of a block, those of loops and pipes one by one."""
    for line in _typed(block):
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        redirected = False
        for word in (*words, ";"):
            if word in BETWEEN:
                if command:
                    yield Command(block, tuple(command))
                command, redirected = [], False
            elif word in {">", ">>", ">&"}:
                redirected = True
                if command and command[-1] in {"1", "2"}:
                    command.pop()
            elif redirected:
                redirected = False
            elif command or not (word in KEYWORDS or re.fullmatch(r"[A-Z_]+=.*", word)):
                command.append(word)


def _typed(block: Block) -> Iterator[str]:
    """The lines that are typed, each with those that continue it."""
    if block.language not in {"console", "bash", "sh", ""}:
        return
    lines = iter(block.text.splitlines())
    for line in lines:
        if block.language == "console":
            typed = line.startswith(PROMPT)
        else:
            typed = block.language != "" or OWN_COMMANDS.match(line) is not None
        if not typed:
            continue
        text = line.removeprefix(PROMPT)
        while _continues(text):
            text = text.removesuffix("\\") + "\n" + next(lines)
        yield text


def _continues(text: str) -> bool:
    """Whether a command goes on in the next line."""
    if text.endswith("\\"):
        return True
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False
