from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import FancyArrowPatch

from ecslm.figures.rule_graph import draw_rule_graph
from ecslm.figures.settings import RuleGraph
from ecslm.figures.style import styled

RULES = [f"rule_{number}" for number in range(7)]
PAIRS = [(one, two) for place, one in enumerate(RULES) for two in RULES[place + 1 :]]


def drawn(graph: RuleGraph) -> tuple[dict[str, tuple[float, float]], int]:
    """Places of the boxes by rule, and the number of arrows."""
    with styled():
        (axes,) = draw_rule_graph(graph).axes
    boxes = {text.get_text().split("\n")[0]: text.get_position() for text in axes.texts}
    return boxes, sum(isinstance(patch, FancyArrowPatch) for patch in axes.patches)


@given(st.sets(st.sampled_from(PAIRS)))
def test_each_rule_is_below_all_that_it_reads_and_none_is_on_another(
    edges: set[tuple[str, str]],
) -> None:
    boxes, _ = drawn(RuleGraph(jobs=dict.fromkeys(RULES, 1), edges=tuple(sorted(edges))))
    assert set(boxes) == set(RULES)
    assert len(set(boxes.values())) == len(RULES)
    for upper, lower in edges:
        assert boxes[upper][1] < boxes[lower][1]


def test_an_edge_that_a_longer_way_makes_needless_is_left_out() -> None:
    edges = (("a", "b"), ("a", "c"), ("b", "c"))
    _, arrows = drawn(RuleGraph(jobs={"a": 1, "b": 2_000, "c": 1}, edges=edges))
    assert arrows == 2


def test_a_box_has_the_number_of_jobs() -> None:
    with styled():
        (axes,) = draw_rule_graph(RuleGraph(jobs={"a": 1, "b": 2_000}, edges=(("a", "b"),))).axes
    assert [text.get_text() for text in axes.texts] == ["a\n1 job", "b\n2,000 jobs"]
