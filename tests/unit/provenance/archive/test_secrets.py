"""Secrets of the environment and of files, which keep a file out of an archive."""

from pathlib import Path

import pytest
from huggingface_hub import constants, get_token

from ecslm.common.errors import InputError
from ecslm.provenance.archive.secrets import hub_token_files, refuse_secrets

TOKEN = "hf_of-the-login"
STORED = "hf_of-another-login"
FILES = {
    "sound.txt": b"token, [laptop], nothing",
    "a.txt": f"x{TOKEN}x".encode(),
    "b.txt": STORED.encode(),
    "c.txt": b"of-the-environment",
}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files as the hub's library writes them, and one that is not there."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "stored").write_text(f"[laptop]\nhf_token = {STORED}\n\n")
    return [tmp_path / name for name in ("token", "stored", "none")]


def test_files_with_a_token_of_the_hub_or_of_the_environment_are_refused(files: list[Path]) -> None:
    with pytest.raises(InputError) as caught:
        refuse_secrets(FILES, {"SHOP": "of-the-environment", "A_KEY": "short"}, ["SHOP"], files)
    remove = "remove it from there, and change the secret"
    assert sorted(caught.value.problems) == [
        f"a.txt: has a token of {files[0]}: {remove}",
        f"b.txt: has a token of {files[1]}: {remove}",
        f"c.txt: has the value of the environment variable SHOP: {remove}",
    ]


def test_a_file_without_secrets_is_not_refused(files: list[Path]) -> None:
    refuse_secrets({"sound.txt": FILES["sound.txt"]}, {"PATH": "nothing"}, [], files)


def test_the_token_that_the_hubs_library_sends_is_looked_for(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(files[0]))
    token = get_token()
    assert token == TOKEN
    with pytest.raises(InputError, match="has a token of"):
        refuse_secrets({"a.txt": token.encode()}, {}, [], hub_token_files())
