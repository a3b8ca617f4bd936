"""HTML made into text to read, and made safe to show."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime.html import MAX_HTML, to_text
from inboxd.mime.sanitise import BLANK_IMAGE, sanitise


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("one<br>two<BR/>three", "one\ntwo\nthree"),
        ("<div>one</div><div>two</div>", "one\n\ntwo"),
        ("one\n  two\tthree", "one two three"),
        ("<ul><li>a</li><li>b</li></ul>", "* a\n\n* b"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<style>p{}</style><script>x<y</script><title>t</title>shown", "shown"),
        ("a<!-- hidden > --> b", "a b"),
        ("&lt;b&gt; &amp; &uuml;&#8364;&nbsp;x", "<b> & ü€ x"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("open <b", "open"),
        ("<!-- never closed", ""),
        ("&#0;&#xd800;", "\ufffd\ufffd"),
        ("", ""),
    ],
)
def test_html_reads_as_a_browser_shows_it(html: str, text: str) -> None:
    assert to_text(html, []) == text


def test_html_beyond_the_limit_is_cut_and_named() -> None:
    problems: list[str] = []
    to_text("x" * (MAX_HTML + 1), problems)
    assert problems == ["html-cut"]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<form action=https://evil.example><input name=password></form>",
        "<style>@import url(https://evil.example/alert)</style>",
        "<p style='background:url(https://evil.example/alert)'>x</p>",
        "<iframe src=https://evil.example/alert></iframe>",
        "<img src='data:image/svg+xml;base64,alert'>",
        "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
        "<link rel=stylesheet href=https://evil.example/alert>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/alert'>",
        "<base href=https://evil.example/alert>",
    ],
)
def test_nothing_that_acts_is_left(hostile: str) -> None:
    shown = sanitise(hostile)
    assert "alert" not in shown
    assert "evil.example" not in shown
    assert "<input" not in shown


@pytest.mark.parametrize(
    "source",
    [
        "https://evil.example/pixel.gif",
        "//evil.example/pixel.gif",
        " HTTP://evil.example/pixel.gif",
        "/\\evil.example/pixel.gif",
        "pixel.gif?evil.example",
    ],
)
def test_no_remote_image_is_fetched_unless_asked_for(source: str) -> None:
    assert "evil.example" not in sanitise(f"<img src='{source}'>")


def test_remote_images_come_when_asked_for() -> None:
    html = "<img src='https://example.com/a.png'>"
    assert BLANK_IMAGE in sanitise(html)
    assert "https://example.com/a.png" in sanitise(html, remote_images=True)


@pytest.mark.parametrize(
    "harmless",
    [
        "<p>one <b>two</b></p>",
        '<img src="cid:logo">',
        '<img src="data:image/png;base64,AAAA">',
        "<table><tbody><tr><td>x</td></tr></tbody></table>",
    ],
)
def test_harmless_markup_stays(harmless: str) -> None:
    assert sanitise(harmless) == harmless


def test_links_stay_and_tell_nothing_of_where_they_were_clicked() -> None:
    shown = sanitise('<a href="https://example.com">x</a>')
    assert 'href="https://example.com"' in shown
    assert 'rel="noopener noreferrer"' in shown


@given(st.text(st.sampled_from("<>/!-='\" apscrit&;#x0"), max_size=100))
def test_whatever_the_markup_the_text_can_be_stored(html: str) -> None:
    to_text(html, []).encode("utf-8")
    assert not re.search(r"<script|\son\w+=", sanitise(html))
