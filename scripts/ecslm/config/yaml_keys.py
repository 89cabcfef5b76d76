"""The keys of a parsed YAML file: their lines, and problems that YAML itself ignores."""

from collections.abc import Iterator

import yaml

# Keys and items of one file, and how deep they may be nested. Anchors that repeat one another make
# any number of them from a few lines.
MOST_KEYS = 100_000
MOST_NESTED = 30


def key_problems(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """The line and the problem of each key that is given twice, and of anchors without end."""
    count = 0
    nodes: list[tuple[yaml.Node, str, int]] = [(root, "", 0)]
    repeated: set[int] = set()
    while nodes:
        node, path, depth = nodes.pop()
        count += 1
        if count > MOST_KEYS or depth > MOST_NESTED:
            yield (
                node.start_mark.line + 1,
                f"{path[:100]}: nested too deeply, or anchors (`&`) that repeat one another",
            )
            return
        first: dict[str, int] = {}
        for key, child in _children(node):
            name = f"{path}.{key}" if path else key
            line = child[0].start_mark.line + 1
            if isinstance(node, yaml.MappingNode) and not isinstance(child[0], yaml.ScalarNode):
                message = f"{path}: a key that is a list or has keys: put it in quotes"
                yield line, message.lstrip(": ")
            if key in first and isinstance(node, yaml.MappingNode) and id(child[0]) not in repeated:
                # Once, however many anchors lead here.
                repeated.add(id(child[0]))
                yield (
                    line,
                    f"{name}: given twice: first in line {first[key]}: leave one of them out",
                )
            first.setdefault(key, line)
            nodes.append((child[1], name, depth + 1))


def key_lines(root: yaml.Node) -> Iterator[tuple[str, int]]:
    """The dotted path of each key and list item, and its line."""
    nodes: list[tuple[yaml.Node, str]] = [(root, "")]
    while nodes:
        node, path = nodes.pop()
        for key, child in _children(node):
            name = f"{path}.{key}" if path else key
            yield name, child[0].start_mark.line + 1
            nodes.append((child[1], name))


def _children(node: yaml.Node) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
    """Keys of a mapping, with their nodes and those of their values; or items of a list."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (str(key.value) if isinstance(key, yaml.ScalarNode) else "?"), (key, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield str(number), (item, item)
