"""What an archive may have of each rule, and what it must or may not have of files."""

import pytest
from support.plans import MODELS, plan
from support.stated_jobs import RULES

from ecslm.common.errors import InputError
from ecslm.provenance.archive import (
    PROOF_ALONE,
    key_variables,
    refuse_secrets,
)

PACKED_WHOLE = {
    *("check_data", "describe_data", "leakage", "data_card", "measure_latency", "score"),
    *("score_baseline", "score_over_seeds", "choose_baseline", "differences", "compare"),
    *("tidy_scores", "render_table", "draw_figures", "report_page", "report_pdf"),
}


def test_of_every_rule_it_is_said_whether_its_results_may_be_published() -> None:
    assert PACKED_WHOLE | PROOF_ALONE == RULES
    assert not PACKED_WHOLE & PROOF_ALONE


def test_a_key_of_a_server_is_a_secret_whatever_its_variable_is_called() -> None:
    server = {"model": "large", "url": "http://localhost/v1"}
    model = {"backend": "openai", "server": server, "template": "alpaca"}
    models = MODELS | {"Other": model | {"access": {"key": "SHOP_LOGIN"}}, "Open": model}
    named = key_variables(plan(models=models).config)
    files = {"code/notes.txt": b"as nobody-may-see"}
    with pytest.raises(InputError, match=r"has the value of the .* SHOP_LOGIN: remove"):
        refuse_secrets(files, {"SHOP_LOGIN": "nobody-may-see"}, named)
    refuse_secrets(files, {"SHOP_NAME": "nobody-may-see"}, named)
