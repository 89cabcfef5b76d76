"""The graph of the rules that make a study's results, from its data down to its reports.

Rules stand in layers, each below all that it reads, after K. Sugiyama et al. (1981): an edge over
several layers has a waypoint in each, and layers are sorted so that few edges cross.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from statistics import fmean

import networkx
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from ecslm.common.text import number_of
from ecslm.figures.settings import RuleGraph
from ecslm.figures.style import PAGE, PAPER, SMALL, SOFT

LAYER_HEIGHT = 0.5
SWEEPS = 8
# In relation to each other.
RULE_WIDTH, WAYPOINT_WIDTH = 1.0, 0.4
# In relation to the height of a layer.
HALF_A_BOX = 0.3

# A rule, or the waypoint of an edge in a layer: the edge and the number of the layer.
Node = str | tuple[str, str, int]


def draw_rule_graph(graph: RuleGraph) -> Figure:
    """The figure: a box for each rule, with the number of its jobs. Where a longer way leads from
    one rule to another, the edge between them is left out."""
    whole = networkx.DiGraph(graph.edges)
    whole.add_nodes_from(graph.jobs)
    reduced = networkx.transitive_reduction(whole)
    layers = _layers(reduced)
    ways = [_way(edge, layers) for edge in sorted(reduced.edges)]
    rows = _rows(layers, ways)
    places = _places(rows)
    figure = Figure(figsize=(PAGE, LAYER_HEIGHT * len(rows)))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for way in ways:
        axes.add_patch(_arrow([places[node] for node in way]))
    for rule, count in graph.jobs.items():
        jobs = number_of(count, "job")
        axes.text(
            *places[rule],
            f"{rule}\n{jobs}",
            fontsize=SMALL,
            horizontalalignment="center",
            verticalalignment="center",
            bbox={"boxstyle": "round", "facecolor": PAPER, "edgecolor": SOFT, "linewidth": 0.6},
        )
    return figure


def _layers(graph: networkx.DiGraph) -> dict[str, int]:
    """The layer of each rule: as far down as what it is read by allows, the last one at most."""
    upwards = networkx.topological_generations(graph.reverse())
    from_below = {rule: number for number, rules in enumerate(upwards) for rule in rules}
    last = max(from_below.values())
    return {rule: last - number for rule, number in from_below.items()}


def _way(edge: tuple[str, str], layers: Mapping[str, int]) -> list[Node]:
    """An edge with its waypoints."""
    start, end = edge
    between = range(layers[start] + 1, layers[end])
    return [start, *((start, end, layer) for layer in between), end]


def _rows(layers: Mapping[str, int], ways: Collection[Sequence[Node]]) -> list[list[Node]]:
    """The nodes of each layer from left to right: each near to the mean place of its neighbours,
    those above and those below in turn."""
    rows: list[list[Node]] = [[] for _ in range(max(layers.values()) + 1)]
    for rule in sorted(layers):
        rows[layers[rule]].append(rule)
    for way in ways:
        for node in way[1:-1]:
            rows[int(node[2])].append(node)
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for way in ways:
        for upper, lower in pairwise(way):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    for sweep in range(SWEEPS):
        neighbours = below if sweep % 2 else above
        for row in reversed(rows) if sweep % 2 else rows:
            places = _places(rows)
            row.sort(
                key=lambda node: fmean([places[one][0] for one in neighbours.get(node, [node])])
            )
    return rows


def _places(rows: Sequence[Sequence[Node]]) -> dict[Node, tuple[float, float]]:
    """The position of each node: from left to right between 0 and 1, and its layer."""
    places: dict[Node, tuple[float, float]] = {}
    for layer, row in enumerate(rows):
        widths = [RULE_WIDTH if isinstance(node, str) else WAYPOINT_WIDTH for node in row]
        for number, node in enumerate(row):
            left = sum(widths[:number])
            places[node] = (left + widths[number] / 2) / sum(widths), layer
    return places


def _arrow(points: Sequence[tuple[float, float]]) -> FancyArrowPatch:
    """An arrow through the points, vertical at each."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    # It ends at the upper edge of the box.
    vertices[-1] = vertices[-1][0], vertices[-1][1] - HALF_A_BOX
    return FancyArrowPatch(
        path=Path(vertices, codes),
        arrowstyle="-|>",
        mutation_scale=5,
        linewidth=0.7,
        edgecolor=SOFT,
        facecolor=SOFT,
        shrinkA=0,
        shrinkB=0,
    )
