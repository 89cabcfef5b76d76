"""A key that is missing is told before anything runs, and only where it is needed."""

from pathlib import Path
from typing import Any

import pytest
from support.local_server import KEY, VARIABLE
from support.model_examples import make_record, write_records
from support.plans import MODELS, plan
from support.project import RESOURCES

from ecslm.common.errors import InputError
from ecslm.models.prompts import PromptTemplate
from ecslm.plan.study import Study
from ecslm.prediction.openai_settings import AccessSettings, ServerDecoding, ServerSettings
from ecslm.prediction.server_answers import Answer, AnswerCache, server_folder
from ecslm.prediction.server_client import ServerClient
from ecslm.prediction.server_requests import request_for
from ecslm.provenance.api_keys import check_api_keys
from ecslm.schemas.paths import SERVER_ANSWERS

SERVER = {"url": "https://models.example/v1", "model": "large-1"}
DATASET = "results/shop/dataset/PM/test.jsonl"
LINE = (
    f"the environment variable {VARIABLE} is not set, but needed to ask Large: set it to the key, "
    "or remove `key` from `access` if the server needs none"
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project without results, and no key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    Path("resources").symlink_to(RESOURCES)


def made(key: str | None = VARIABLE, **fields: Any) -> Study:
    """The plan of a study with a model that a server runs."""
    access = {} if key is None else {"key": key}
    large = {"backend": "openai", "server": SERVER, "template": "alpaca", "access": access}
    return plan(models=MODELS | {"Large": large | fields, "Large-2": large | {"run": False}})


def due(*models: str) -> set[str]:
    return {
        f"results/shop/predictions/{name}/seed-0/{task}.jsonl"
        for name in models
        for task in ("PM", "SA")
    }


def problems(of: Study, files: set[str]) -> tuple[str, ...]:
    try:
        check_api_keys(of, files)
    except InputError as error:
        return error.problems
    return ()


def keep_answers(count: int) -> None:
    """Keep the answers to so many records of PM, and write six of them."""
    write_records(Path(DATASET), 6, task="PM", split="test")
    server = ServerSettings(**SERVER)
    cache, template = AnswerCache(server_folder(SERVER_ANSWERS, server)), PromptTemplate(ALPACA)
    for number in range(count):
        prompt = template.render(make_record(number, task="PM", split="test"), 0)
        request = request_for(prompt, "", server, ServerDecoding(), 0)
        answer = Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1)
        cache.add(request.key, answer)


ALPACA = RESOURCES / "prompts/alpaca.jinja"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_key_that_is_not_set_is_one_line_with_its_variable_and_the_models(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert problems(made(), due("Large", "Small")) == (LINE,)


def test_a_key_that_is_set_or_not_needed_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not problems(made(), due("Small"))
    assert not problems(made(key=None), due("Large"))
    assert not problems(made(run=False), due("Large"))
    monkeypatch.setenv(VARIABLE, KEY)
    assert not problems(made(), due("Large"))


@pytest.mark.parametrize(("kept", "told"), [(6, ()), (5, (LINE,)), (0, (LINE,))])
def test_a_job_whose_answers_are_all_kept_needs_no_key(kept: int, told: tuple[str, ...]) -> None:
    Path(DATASET).parent.mkdir(parents=True)
    keep_answers(kept)
    files = {path for path in due("Large") if path.endswith("PM.jsonl")}
    assert problems(made(), files) == told


def test_where_records_are_not_known_yet_and_some_answers_are_kept_the_job_tells() -> None:
    Path(DATASET).parent.mkdir(parents=True)
    keep_answers(5)
    files = {path for path in due("Large") if path.endswith("PM.jsonl")}
    assert not problems(made(), files | {DATASET})


NO_PROXY = "is no URL of a proxy: set it to one such as http://proxy.example:3128, or unset it"
ROUTES = {
    "a name that nobody has": (
        "HTTPS_PROXY",
        "garbage.invalid",
        "names a proxy that is unknown: set it to one such as http://proxy.example:3128, or unset "
        "it",
    ),
    "nothing but a scheme": ("ALL_PROXY", "://", NO_PROXY),
    "a file that is not there": (
        "SSL_CERT_FILE",
        "nowhere.pem",
        "names nowhere.pem, which is no file with certificates: set it to one, or unset it",
    ),
}


@pytest.mark.parametrize(("variable", "value", "problem"), ROUTES.values(), ids=list(ROUTES))
def test_a_variable_with_which_no_server_can_be_reached_is_named_and_not_shown(
    variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(variable, value)
    line = f"the environment variable {variable} {problem}"
    assert problems(made(key=None), due("Large")) == (line,)
    assert "secret" not in line
    # Not if no job asks a server.
    assert not problems(made(key=None), due("Small"))
    # Nor do jobs on their own get further.
    with pytest.raises(InputError) as caught:
        ServerClient(ServerSettings(**SERVER), AccessSettings())
    assert caught.value.problems == (f"{SERVER['url']}: {line}",)


@pytest.mark.parametrize(
    ("proxy", "without"), [("garbage.invalid", "models.example"), ("ftp://garbage", "*")]
)
def test_a_proxy_that_a_server_is_not_asked_through_need_not_be_there(
    proxy: str, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", without)
    assert not problems(made(key=None), due("Large"))
