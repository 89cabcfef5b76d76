"""What an archive may have of each rule."""

import pytest
from support.plans import MODELS, plan
from support.stated_jobs import RULES

from ecslm.common.errors import InputError
from ecslm.provenance.archive import PROOF_ALONE, refuse_secrets

PACKED_WHOLE = {
    *("check_data", "describe_data", "leakage", "data_card", "measure_latency", "score"),
    *("score_baseline", "score_over_seeds", "choose_baseline", "differences", "compare"),
    *("tidy_scores", "tidy_costs", "render_table", "draw_figures", "report_page", "report_pdf"),
}


def test_of_every_rule_it_is_said_whether_its_results_may_be_published() -> None:
    assert PACKED_WHOLE | PROOF_ALONE == RULES
    assert not PACKED_WHOLE & PROOF_ALONE


def test_a_secret_of_the_environment_is_in_no_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of its variable, or as the key of a server, whatever that is called."""
    server = {"model": "large", "url": "http://localhost/v1"}
    model = {"backend": "openai", "server": server, "template": "alpaca"}
    models = MODELS | {"Other": model | {"access": {"key": "SHOP_LOGIN"}}, "Open": model}
    files = {"code/notes.txt": b"as nobody-may-see", "code/others.txt": b"as all may"}
    monkeypatch.setenv("SHOP_NAME", "nobody-may-see")
    refuse_secrets(files, plan(models=models))
    for name in ("SHOP_LOGIN", "Hf_Token"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "nobody-may-see\n")
            with pytest.raises(InputError) as caught:
                refuse_secrets(files, plan(models=models))
        told = f"has the value of the environment variable {name}: remove it, and change the secret"
        assert caught.value.problems == (f"code/notes.txt: {told}",)
