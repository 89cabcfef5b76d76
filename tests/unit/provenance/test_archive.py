"""What an archive may have of each rule."""

from support.stated_jobs import RULES

from ecslm.provenance.archive import PROOF_ALONE

PACKED_WHOLE = {
    *("check_data", "describe_data", "leakage", "data_card", "measure_latency", "score"),
    *("score_baseline", "score_over_seeds", "choose_baseline", "differences", "compare"),
    *("tidy_scores", "render_table", "draw_figures", "report_page", "report_pdf"),
}


def test_of_every_rule_it_is_said_whether_its_results_may_be_published() -> None:
    assert PACKED_WHOLE | PROOF_ALONE == RULES
    assert not PACKED_WHOLE & PROOF_ALONE
