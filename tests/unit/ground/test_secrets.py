"""P34: passwords are sealed at rest, and come from a command or a systemd credential."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.errors import BadInput, Remedy
from inboxd.secrets import (
    KEY_CREDENTIAL,
    PASSWORD_COMMAND_BYTES,
    SecretBox,
    SecretUnavailable,
    read_credential,
    run_password_command,
)

PLANTED = "correct horse"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "credentials"
    directory.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))
    return directory


def key_file(path: Path, *keys: str, mode: int = 0o400) -> Path:
    path.write_text("\n".join(keys) + "\n")
    path.chmod(mode)
    return path


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


# --- sealing -------------------------------------------------------------------------------------


KEY = new_key()


@given(text=st.text())
def test_what_is_sealed_can_be_opened_again(text: str) -> None:
    box = SecretBox([KEY])
    sealed = box.seal(text)
    assert box.unseal(sealed) == text


def test_sealed_text_does_not_show_the_secret() -> None:
    box = SecretBox([KEY])
    assert PLANTED.encode() not in base64.urlsafe_b64decode(box.seal(PLANTED))
    assert box.seal(PLANTED) != box.seal(PLANTED)


def test_another_key_does_not_open_it_and_the_error_says_what_to_do() -> None:
    sealed = SecretBox([KEY]).seal(PLANTED)
    with pytest.raises(BadInput, match="set the password anew") as refused:
        SecretBox([new_key()]).unseal(sealed)
    assert PLANTED not in str(refused.value)


def test_altered_text_is_refused() -> None:
    sealed = bytearray(SecretBox([KEY]).seal(PLANTED))
    sealed[20] ^= 1
    with pytest.raises(BadInput):
        SecretBox([KEY]).unseal(bytes(sealed))


def test_a_rotated_key_still_opens_what_the_old_one_sealed() -> None:
    old, new = new_key(), new_key()
    sealed = SecretBox([old]).seal(PLANTED)
    rotated = SecretBox([new, old])
    assert rotated.unseal(sealed) == PLANTED
    assert SecretBox([new]).unseal(rotated.seal(PLANTED)) == PLANTED


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_may_be_in_either_alphabet_of_base64(alphabet: object) -> None:
    assert callable(alphabet)
    key = alphabet(b"\xff\xfe\xfb" * 10 + b"\xff\xff").decode()
    assert SecretBox([key]).unseal(SecretBox([key]).seal("x")) == "x"


@pytest.mark.parametrize("keys", [[], [""], ["short"], ["ä" * 44], [KEY, "x"]])
def test_what_is_no_key_is_refused_without_showing_it(keys: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        SecretBox(keys)
    assert KEY not in str(refused.value)


# --- where the key is ----------------------------------------------------------------------------


def test_a_key_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    sealed = SecretBox.open(tmp_path, None).seal(PLANTED)
    made = tmp_path / "key"
    assert stat.S_IMODE(made.stat().st_mode) == 0o400
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert SecretBox.open(tmp_path, None).unseal(sealed) == PLANTED


def test_a_key_half_made_by_a_crash_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "key.new").touch(0o400)
    box = SecretBox.open(tmp_path, None)
    assert box.unseal(box.seal(PLANTED)) == PLANTED
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_configured_key_file_goes_before_the_state_directory(tmp_path: Path) -> None:
    configured = key_file(tmp_path / "mine", KEY)
    sealed = SecretBox.open(tmp_path, configured).seal(PLANTED)
    assert SecretBox([KEY]).unseal(sealed) == PLANTED
    assert not (tmp_path / "key").exists()


def test_a_systemd_credential_goes_before_all(tmp_path: Path, credentials: Path) -> None:
    # systemd shows its access list as group bits: no reason to refuse.
    key_file(credentials / KEY_CREDENTIAL, KEY, mode=0o440)
    configured = key_file(tmp_path / "mine", new_key())
    sealed = SecretBox.open(tmp_path, configured).seal(PLANTED)
    assert SecretBox([KEY]).unseal(sealed) == PLANTED


@pytest.mark.parametrize("mode", [0o404, 0o440, 0o640, 0o420, 0o777])
def test_a_key_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    configured = key_file(tmp_path / "mine", KEY, mode=mode)
    with pytest.raises(BadInput, match=f"chmod 0400 {configured}") as refused:
        SecretBox.open(tmp_path, configured)
    assert KEY not in str(refused.value)


def test_a_configured_key_file_is_never_made_up(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(BadInput, match=str(missing)):
        SecretBox.open(tmp_path, missing)
    assert not missing.exists()


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be made: No such file or directory"):
        SecretBox.open(tmp_path / "missing", None)


def test_a_credential_is_read_without_its_line_end(credentials: Path) -> None:
    (credentials / "ann").write_text(f"{PLANTED} \n")
    assert read_credential("ann") == f"{PLANTED} "


@pytest.mark.parametrize("name", ["bob", "", "..", "../key"])
@pytest.mark.usefixtures("credentials")
def test_a_credential_that_is_not_loaded_says_how_to(tmp_path: Path, name: str) -> None:
    key_file(tmp_path / "key", KEY)
    with pytest.raises(BadInput, match="LoadCredential="):
        read_credential(name)


def test_without_systemd_there_are_no_credentials() -> None:
    with pytest.raises(BadInput, match="LoadCredential="):
        read_credential("ann")


# --- password commands ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        f"echo '{PLANTED}'",
        ["echo", PLANTED],
        ("printf", "%s\\r\\nurl: imap.example.com\\n", PLANTED),
        f"printf '%s' '{PLANTED}' | cat",
        f"echo noise >&2; echo '{PLANTED}'",
    ],
)
async def test_the_first_line_is_the_password(command: str | list[str]) -> None:
    assert await run_password_command(command) == PLANTED


async def test_a_list_is_not_read_by_a_shell() -> None:
    assert await run_password_command(["echo", "$HOME; #"]) == "$HOME; #"


@pytest.mark.parametrize("odd", ["a\u2028b", "a\x0bb", " a b ", "pä55"])
async def test_odd_characters_stay_in_the_password(odd: str) -> None:
    assert await run_password_command(["printf", "%s\\n", odd]) == odd


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (f"echo '{PLANTED}'; echo '{PLANTED}' >&2; exit 3", "exit code 3"),
        (f"echo '{PLANTED}'; kill -TERM $$", "signal 15"),
        (["/nonexistent/program", PLANTED], "cannot be started: No such file"),
        ("true", "printed nothing"),
        ("printf '\\n%s' 'correct horse'", "printed nothing"),
        ("printf '\\377'", "UTF-8"),
        (f"yes '{PLANTED}'", f"more than {PASSWORD_COMMAND_BYTES} bytes"),
        ("", "empty"),
        ([], "empty"),
    ],
)
async def test_p20_a_failing_command_is_retried_and_told_without_the_secret(
    command: str | list[str], sentence: str
) -> None:
    with pytest.raises(SecretUnavailable, match=sentence) as failed:
        await run_password_command(command)
    assert PLANTED not in str(failed.value)
    assert failed.value.remedy is Remedy.RETRY


async def test_a_command_that_asks_a_person_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = f"sleep 1000 & echo $! $$ > {pids}; echo '{PLANTED}'; wait; true"
    with pytest.raises(SecretUnavailable, match=r"within 0\.5 s"):
        await run_password_command(command, timeout=0.5)
    with anyio.fail_after(10):
        for pid in pids.read_text().split():
            await _gone(int(pid))


async def test_cancelling_ends_the_command() -> None:
    with anyio.fail_after(10), anyio.move_on_after(0.05) as waiting:
        await run_password_command("sleep 1000")
    assert waiting.cancelled_caught


async def _gone(pid: int) -> None:
    """Killed: no such process, or a zombie that waits for the machine's init."""
    while True:
        try:
            line = await anyio.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return
        if line.rpartition(")")[2].split()[0] == "Z":
            return
