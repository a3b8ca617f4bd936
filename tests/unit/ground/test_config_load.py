"""Reading the configuration: where it is found, what goes first, and all mistakes at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inboxd.config import document, load
from inboxd.config.model import Settings
from inboxd.model.conditions import DEFAULT_PRESETS, Period
from inboxd.model.errors import BadConfig
from inboxd.model.server import Endpoint, Security

PLANTED = "correct-horse"

Written = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("INBOXD_"):
            monkeypatch.delenv(name)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write


def problems(path: Path) -> list[str]:
    """What is wrong with the file, each without the file's name."""
    with pytest.raises(BadConfig) as refused:
        load.load(path)
    start = f"{path}:"
    assert all(problem.startswith((start, "$", "the env")) for problem in refused.value.problems)
    return [problem.removeprefix(start) for problem in refused.value.problems]


# --- where it is found ---------------------------------------------------------------------------


def test_a_missing_default_file_means_all_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "DEFAULT_PATH", tmp_path / "missing.yaml")
    assert load.load() == Settings()


def test_the_default_file_is_read(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "DEFAULT_PATH", written("log: {level: error}"))
    assert load.load().log.level == "error"


def test_the_variable_names_a_file_and_the_option_goes_before_it(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOXD_CONFIG", str(written("log: {level: error}")))
    assert load.load().log.level == "error"
    other = tmp_path / "other.yaml"
    other.write_text("log: {level: debug}")
    assert load.load(other).log.level == "debug"


def test_a_named_file_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.yaml"
    assert problems(missing) == [" There is no such file."]
    monkeypatch.setenv("INBOXD_CONFIG", str(missing))
    with pytest.raises(BadConfig):
        load.load()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path) == [" It cannot be read: Is a directory."]
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("state_dir: /ü".encode("latin-1"))
    assert problems(latin) == [" Byte 12 is not UTF-8."]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "log:\nsync:\n", "\ufeff"])
def test_an_empty_file_or_section_means_the_defaults(written: Written, text: str) -> None:
    assert load.load(written(text)) == Settings()


# --- what goes first -----------------------------------------------------------------------------


def test_the_environment_goes_before_the_file_key_by_key(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOXD_LOG__LEVEL", "debug")
    monkeypatch.setenv("INBOXD_STATE_DIR", "/from/environment")
    monkeypatch.setenv("INBOXD_TLS__CA_FILE", "")
    settings = load.load(written("state_dir: /from/file\nlog: {level: error, format: json}\n"))
    assert settings.state_dir == Path("/from/environment")
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.tls.ca_file is None


def test_a_mistake_in_the_environment_names_the_variable(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOXD_LOG__LEVEL", PLANTED)
    monkeypatch.setenv("INBOXD_SYNC__SWEEP", "1")
    assert problems(written("log: {format: csv}")) == [
        "1:15: log.format must be 'auto', 'json' or 'console'.",
        "$INBOXD_LOG__LEVEL: log.level must be 'debug', 'info', 'warning' or 'error'.",
        "$INBOXD_SYNC__SWEEP: There is no key sync.sweep: did you mean sweep_seconds?",
    ]


def test_a_variable_that_is_no_json_is_told_without_its_value(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOXD_ACCOUNTS", PLANTED)
    (problem,) = problems(written(""))
    assert "accounts" in problem
    assert PLANTED not in problem


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ['"0660"', "0660", "0o660", "'660'", '"0o660"'])
def test_a_socket_mode_is_octal_however_it_is_written(written: Written, mode: str) -> None:
    assert load.load(written(f"control: {{mode: {mode}}}")).control.mode == 0o660


@pytest.mark.parametrize("mode", ["660", "432.0", "true", "rw", '"0o0o660"', '"²60"', "400", "[]"])
def test_a_socket_mode_that_could_mean_two_things_is_refused(written: Written, mode: str) -> None:
    (problem,) = problems(written(f"control:\n  mode: {mode}\n"))
    assert problem.startswith('2:9: control.mode must be "0600"')


def test_yaml_is_1_2_where_no_is_a_word_and_22_30_is_no_number(written: Written) -> None:
    path = written(
        "accounts:\n- {address: a@example.com, owner: no, username: 22:30}\n"
        "- {address: b@example.com, owner: 2024-01-01, username: on}\n"
    )
    first, second = load.load(path).accounts
    assert (first.owner, first.username) == ("no", "22:30")
    assert (second.owner, second.username) == ("2024-01-01", "on")


def test_p3_a_deployment_adds_start_dates_and_takes_some_away(written: Written) -> None:
    path = written("sync: {start_presets: {3d: {days: 3}, 2y: {years: 2}, 30: {days: 30}, 6m: }}")
    assert load.load(path).sync.presets == {
        "now": None,
        "1m": Period(months=1),
        "3m": Period(months=3),
        "1y": Period(years=1),
        "3d": Period(days=3),
        "2y": Period(years=2),
        "30": Period(days=30),
    }


def test_p3_the_default_start_dates_are_the_rules_own() -> None:
    assert Settings().sync.presets == DEFAULT_PRESETS


def test_p4_now_cannot_be_taken_away(written: Written) -> None:
    assert "now" in load.load(written("sync: {start_presets: {now: }}")).sync.presets


@pytest.mark.parametrize(
    "presets", ["{now: {days: 1}}", "{3d: {}}", "{'': {days: 1}}", "{3 d: {days: 1}}"]
)
def test_p3_a_start_date_that_makes_no_sense_is_refused(written: Written, presets: str) -> None:
    (problem,) = problems(written(f"sync:\n  start_presets: {presets}\n"))
    assert problem.startswith("2:18: sync.start_presets ")


def test_p1_servers_are_discovered_overridden_or_left_out(written: Written) -> None:
    discovered, overridden, reading = load.load(
        written(
            "accounts:\n"
            "- address: a@example.com\n"
            "- address: b@example.com\n"
            "  imap: {host: mail.example.com, security: starttls}\n"
            "  smtp: {host: mail.example.com, port: 2525, security: none}\n"
            "- address: c@example.com\n"
            "  smtp: null\n"
        )
    ).accounts
    assert discovered.imap.endpoint is None
    assert discovered.smtp is not None
    assert discovered.smtp.endpoint is None
    assert overridden.imap.endpoint == Endpoint("mail.example.com", 143, Security.STARTTLS)
    assert overridden.smtp is not None
    assert overridden.smtp.endpoint == Endpoint("mail.example.com", 2525, Security.NONE)
    assert reading.smtp is None


def test_a_password_command_is_a_text_or_a_list_of_words(written: Written) -> None:
    first, second = load.load(
        written(
            "accounts:\n- {address: a@example.com, password_cmd: pass mail | head -1}\n"
            "- {address: b@example.com, password_cmd: [pass, mail]}\n"
        )
    ).accounts
    assert first.password_cmd == "pass mail | head -1"
    assert second.password_cmd == ("pass", "mail")


def test_an_anchor_may_stand_for_a_value_but_not_for_itself(written: Written) -> None:
    path = written(
        "accounts:\n- {address: a@example.com, imap: &m {host: mail.example.com}}\n"
        "- {address: b@example.com, imap: *m}\n"
    )
    assert load.load(path).accounts[1].imap.host == "mail.example.com"
    assert "3:" in "".join(problems(written("log:\n  level: info\ntls: &x\n  ca_file: *x\n")))


# --- mistakes ------------------------------------------------------------------------------------


def test_all_mistakes_are_told_at_once_each_with_its_place(written: Written) -> None:
    text = """\
state_dir: var/lib
state_dir: /x
contrl: 1
control:
  sockt: /run/x
log:
  level: loud
limits:
  logins_per_second: true
  message_bytes: lots
sync:
  sweep_seconds: -1
  start_presets:
    3d: {weeks: 1}
accounts:
  - address: ann
    password_cmd: [pass, 5]
    imap: {port: 99}
  - owner: 5
tls: /etc/ca.pem
"""
    assert problems(written(text)) == [
        "1:12: state_dir must be an absolute path: a daemon has no working directory to rely on.",
        "2:1: state_dir stands twice: first in line 1.",
        "3:1: There is no key contrl: did you mean control?",
        "5:3: There is no key control.sockt: did you mean socket?",
        "7:10: log.level must be 'debug', 'info', 'warning' or 'error'.",
        "9:22: limits.logins_per_second must be a number.",
        "10:18: limits.message_bytes must be a whole number.",
        "12:18: sync.sweep_seconds must be greater than 0.",
        "14:10: There is no key sync.start_presets.3d.weeks: there are years, months, days.",
        "16:14: accounts[0].address must be an e-mail address, such as ann@example.com.",
        (
            "17:19: accounts[0].password_cmd must be a command: one text for the shell, or a list "
            "of words, each in quotes where it looks like a number."
        ),
        "18:11: accounts[0].imap needs a host where port or security is given.",
        "19:5: accounts[1] needs address.",
        "19:12: accounts[1].owner must be a text (in quotes where it looks like something else).",
        "20:6: tls must be a section: its keys go below it, each on a line of its own.",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "1:5: This is not YAML: "),
        ("log:\n\tlevel: info", "2:1: This is not YAML: found character '\\t'"),
        ("log: {}\n--- \ntls: {}", "2:1: This is not YAML: but found another document"),
        ("- log", "1:1: The file must hold keys"),
        ("log", "1:1: The file must hold keys"),
        ("? [a]\n: b", "1:3: A key must be one word."),
        ("log: {level: info, level: info}", "1:20: log.level stands twice: first in line 1."),
        ("log: &a {level: *a}", "1:6: An anchor stands for itself"),
        ("state_dir: \x01", "1:1: This is not YAML: "),
        ("sync: {idle_cap_seconds: 1740}", "1:26: sync.idle_cap_seconds must be less than 1740"),
        ("sync: {idle_silence_seconds: 600}", "1:7: sync needs idle_silence_seconds to be at"),
        ("sync: {backoff_first_seconds: 301}", "1:7: sync needs backoff_first_seconds to be at"),
        ("sync: {sweep_seconds: .inf}", "1:23: sync.sweep_seconds must be a"),
        ("sync: {sweep_seconds: .nan}", "1:23: sync.sweep_seconds must be"),
        ("sync: {batch_messages: 1.5}", "1:24: sync.batch_messages must be a whole number"),
        ("accounts: {address: a@b}", "1:11: accounts must be a list"),
        ("accounts:\n- {address: a@b.c}\n- {address: A@B.C}", "2:1: accounts names A@B.C twice"),
        ("_env_file: /etc/passwd", "1:1: There is no key _env_file: there are"),
        ("_cli_parse_args: true", "1:1: There is no key _cli_parse_args: there are"),
    ],
)
def test_a_mistake_has_its_place_and_its_sentence(
    written: Written, text: str, problem: str
) -> None:
    assert problems(written(text))[0].startswith(problem)


def test_the_path_of_a_socket_has_a_limit(written: Written) -> None:
    path = "/" + "x" * 107
    (problem,) = problems(written(f"control: {{socket: {path}}}"))
    assert problem.startswith("1:19: control.socket is 108 bytes long")
    longest = load.load(written(f"control: {{socket: {path[:-1]}}}"))
    assert longest.control.socket == Path(path[:-1])


@pytest.mark.parametrize(
    "line",
    [
        f"password: {PLANTED}",
        f"imap_password: {PLANTED}",
        f"token: {PLANTED}",
        f"password: {{{PLANTED}: {PLANTED}}}",
    ],
)
def test_p34_a_password_in_the_file_is_refused_with_what_to_do_instead(
    written: Written, line: str
) -> None:
    (problem,) = problems(written(f"accounts:\n- address: a@example.com\n  {line}\n"))
    assert problem.startswith("3:3: There is no key accounts[0].")
    assert "Passwords and tokens never stand in this file." in problem
    assert "inboxctl account set-password" in problem
    assert PLANTED not in problem


@pytest.mark.parametrize(
    "value",
    [
        f"*{PLANTED}",
        f"!{PLANTED}",
        f"!{PLANTED}!x",
        f"'{PLANTED}",
        f"{PLANTED}: x: {PLANTED}",
        f"[{PLANTED}",
        f"%{PLANTED}",
        f"@{PLANTED}",
        f"`{PLANTED}",
        f"&{PLANTED}",
        f'"\\{PLANTED}"',
        f"|{PLANTED}",
        f"!<{PLANTED}>",
        f"{{{PLANTED}}}",
        f"!!{PLANTED} x",
        f"- {PLANTED}",
    ],
)
@pytest.mark.parametrize("key", ["password", "password_cmd", "username", "address"])
def test_p34_no_complaint_quotes_a_value(written: Written, key: str, value: str) -> None:
    path = written(f"accounts:\n- address: a@example.com\n  {key}: {value}\n")
    try:
        load.load(path)
    except BadConfig as refused:
        assert PLANTED not in str(refused) + "".join(refused.problems)  # noqa: PT017


@given(text=st.text() | st.text("abc:- \n\t[]{}&*!|>'\"#%@`,?0x.", max_size=60))
@example("&a [*a, {*a : *a}]")
@example("<<: {a: 1}")
@example("a: !!binary x")
@example("0o9: 0o9")
@example("1: 9" + "9" * 5000)
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    read = document.read(text)
    assert (
        read.flaws
        or read.value is None
        or isinstance(read.value, dict | list | str | int | float | bool)
    )
    assert all(flaw.line >= 1 and flaw.column >= 1 for flaw in read.flaws)
