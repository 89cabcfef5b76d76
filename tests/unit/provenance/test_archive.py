"""What an archive may have of each rule, and what it must or may not have of files."""

from pathlib import Path

import pytest
from support.plans import MODELS, plan
from support.project import ROOT
from support.stated_jobs import RULES

from ecslm.common.errors import InputError
from ecslm.provenance.archive import (
    PROOF_ALONE,
    key_variables,
    refuse_secrets,
    require_published,
)

PACKED_WHOLE = {
    *("check_data", "describe_data", "leakage", "data_card", "measure_latency", "score"),
    *("score_baseline", "score_over_seeds", "choose_baseline", "differences", "compare"),
    *("tidy_scores", "render_table", "draw_figures", "report_page", "report_pdf"),
}


def test_of_every_rule_it_is_said_whether_its_results_may_be_published() -> None:
    assert PACKED_WHOLE | PROOF_ALONE == RULES
    assert not PACKED_WHOLE & PROOF_ALONE


def test_published_numbers_that_are_not_in_the_commit_are_refused(tmp_path: Path) -> None:
    """As those of a folder that git ignores, or that lies elsewhere."""
    folder = ROOT / "resources/published"
    name, *others = (f"code/{path.relative_to(ROOT)}" for path in folder.glob("*.csv"))
    require_published(str(folder), [name, *others])
    (tmp_path / "mine.csv").touch()
    for place, lost in ((folder, Path(name).name), (tmp_path, "mine.csv")):
        with pytest.raises(InputError, match=f"/{lost}: is not in the commit"):
            require_published(str(place), others)


def test_a_key_of_a_server_is_a_secret_whatever_its_variable_is_called() -> None:
    server = {"model": "large", "url": "http://localhost/v1"}
    model = {"backend": "openai", "server": server, "template": "alpaca"}
    models = MODELS | {"Other": model | {"access": {"key": "SHOP_LOGIN"}}, "Open": model}
    named = key_variables(plan(models=models).config)
    files = {"code/notes.txt": b"as nobody-may-see"}
    with pytest.raises(InputError, match=r"has the value of the .* SHOP_LOGIN: remove"):
        refuse_secrets(files, {"SHOP_LOGIN": "nobody-may-see"}, named)
    refuse_secrets(files, {"SHOP_NAME": "nobody-may-see"}, named)
