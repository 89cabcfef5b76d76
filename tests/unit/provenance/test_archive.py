"""What an archive may have of each rule, and that it has no secrets."""

from pathlib import Path

import pytest
from huggingface_hub import constants
from support.plans import plan

from ecslm.common.errors import InputError
from ecslm.provenance.archive import PROOF_ALONE, hub_token_files, refuse_secrets

PACKED_WHOLE = {
    *("check_data", "describe_data", "leakage", "data_card", "measure_latency", "score"),
    *("score_baseline", "score_over_seeds", "choose_baseline", "differences", "compare"),
    *(
        "tidy_scores",
        "render_table",
        "draw_figures",
        "draw_rule_graph",
        "report_page",
        "report_pdf",
    ),
}


def test_of_every_rule_it_is_said_whether_its_results_may_be_published() -> None:
    assert set(plan().rules) == PACKED_WHOLE | PROOF_ALONE.keys()
    assert not PACKED_WHOLE & PROOF_ALONE.keys()


def test_files_with_a_token_of_the_hub_or_of_the_environment_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, stored = tmp_path / "token", tmp_path / "stored"
    token.write_text("hf_of-the-login")
    # As the hub's library writes them.
    stored.write_text("[laptop]\nhf_token = hf_of-another-login\n\n")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(token))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(stored))
    files = {
        "sound.txt": b"token, [laptop], nothing",
        "a.txt": b"x hf_of-the-login x",
        "b.txt": b"hf_of-another-login",
        "c.txt": b"of-the-environment",
    }
    environment = {"SHOP": "of-the-environment", "A_KEY": "token"}
    with pytest.raises(InputError) as caught:
        refuse_secrets(files, environment, ["SHOP"], [*hub_token_files(), tmp_path / "none"])
    remove = "remove it from there, and change the secret"
    assert sorted(caught.value.problems) == [
        f"a.txt: has a token of {token}: {remove}",
        f"b.txt: has a token of {stored}: {remove}",
        f"c.txt: has the value of the environment variable SHOP: {remove}",
    ]
