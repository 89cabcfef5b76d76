"""The files of a configuration: their keys, the place of each, and what is not valid YAML."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.errors import InputError, Problem, all_of, refuse
from ecslm.common.files import read_text

# The place of a key: a file and a line.
Place = tuple[str, int]


@dataclass(frozen=True)
class Content:
    """The keys of a configuration, as read, and the place of each by its dotted path, if it stands
    in a file."""

    values: dict[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def with_over(self, over: "Content") -> "Content":
        """These keys under others: mappings are merged key by key, other values are replaced, as
        Snakemake does. Keys of the command line stand in no file, and have no place."""
        replaced = () if over.places else over.values.keys()
        kept = {key: at for key, at in self.places.items() if key.partition(".")[0] not in replaced}
        return Content(_merged(self.values, over.values), {**kept, **over.places})

    def located(self, error: InputError) -> InputError:
        """The same problems, each with the place of the key that it begins with, or of the nearest
        key around that. Those of files stay as they are."""
        return InputError(*(one if one.path else self._located(one) for one in error.details))

    def _located(self, problem: Problem) -> Problem:
        key = problem.message.partition(": ")[0]
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        # Control characters are shown, not sent to the terminal.
        message = "".join(x if x.isprintable() else repr(x)[1:-1] for x in problem.message)
        return Problem(message, *self.places.get(key, ()))


def _merged(under: Any, over: Any) -> Any:
    """Mappings are merged key by key; any other value is replaced by `over`."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: _merged(under.get(key), value) for key, value in over.items()}


def read_files(files: Sequence[Path]) -> list[Content]:
    """The content of YAML files.

    Raises:
        InputError: a line for each problem of each file: it cannot be read, is not YAML, has no
            keys, or gives a key twice.
    """
    contents: list[Content] = []
    all_of(*(lambda path=path: contents.append(_read(path)) for path in files))
    return contents


def _read(path: Path) -> Content:
    name = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    try:
        node = yaml.compose(read_text(Path(name)), yaml.CSafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise InputError(Problem("has no keys: expected some, as in `study: mine`", name))
        # YAML would use the last.
        counts, last = Counter(key for key, _ in _keys(node)), dict(_keys(node))
        twice, told = (
            (key for key in counts if counts[key] > 1),
            "given twice: leave one of them out",
        )
        refuse(Problem(f"{key}: {told}", name, last[key]) for key in twice)
        values = yaml.CSafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        # Of a control character, and of what looks like a date and is none, only a text is known.
        mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
        message = f"not YAML ({' '.join(str(what).split())}): put special values in quotes"
        raise InputError(Problem(message, name, mark and mark.line + 1)) from None
    # Only now: keys that an anchor brings have been put in.
    return Content(values, {key: (name, line) for key, line in _keys(node)})


def _keys(node: yaml.Node, above: str = "") -> Iterator[tuple[str, int]]:
    """The dotted path of each key and list item, and its line."""
    children: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        children = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(str(number), item, item) for number, item in enumerate(node.value)]
    for name, marked, value in children:
        path = f"{above}{name}"
        yield path, marked.start_mark.line + 1
        yield from _keys(value, f"{path}.")
