"""What the author of a plain-text body wrote, without what was there before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime.parse import parse
from inboxd.mime.reply import reply_text


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, Apr 2, 2012 at 6:26 PM, Ann Lee <ann@example.com> wrote:",
        "On Mon, Apr 2, 2012 at 6:26 PM, Ann Lee\n<ann@example.com> wrote:",
        "On Mon, Apr 2, 2012 at 6:26 PM, Ann\nLee <ann@example.com>\nwrote:",
        "Am 2. April 2012 um 18:26 schrieb Ann Lee <ann@example.com>:",
        "Am 2. April 2012 um 18:26 schrieb Ann Lee\n<ann@example.com>:",
        "Le lun. 2 avr. 2012 à 18:26, Ann Lee <ann@example.com> a\u00a0écrit\u00a0:",
        "El lun, 2 abr 2012 a las 18:26, Ann Lee (<ann@example.com>) escribió:",
        "Il giorno lun 2 apr 2012 alle ore 18:26 Ann Lee\n<ann@example.com> ha scritto:",
        "Op ma 2 apr. 2012 om 18:26 schreef Ann Lee <ann@example.com>:",
        "Em seg., 2 de abr. de 2012 às 18:26, Ann Lee <ann@example.com> escreveu:",
        "Ann Lee wrote:",
        "2012/4/2 Ann Lee <ann@example.com>",
    ],
)
def test_a_quote_goes_with_its_attribution(attribution: str) -> None:
    for between in ("\n", "\n\n"):
        quoted = f"{attribution}{between}> Shall we?\n>> Perhaps.\n"
        assert reply_text(f"Yes.\n\n{quoted}") == "Yes."
        assert reply_text(f"{quoted}\nYes.") == "Yes."


@pytest.mark.parametrize(
    "attribution",
    [
        "On Monday, Apr 2, 2012 at 6:26 PM, Ann Lee <ann@example.com> wrote:",
        "On Monday, Apr 2, 2012 at 6:26 PM,\nAnn Lee <ann@example.com> wrote:",
        "Ann schrieb am 17.03.2021 14:25 (GMT +01:00):",
        "--- On Wed, 4/4/12, ann@example.com <ann@example.com> wrote:",
    ],
)
def test_an_attribution_without_marks_below_ends_the_answer(attribution: str) -> None:
    assert reply_text(f"Yes.\n\n{attribution}\n\nShall we?\n") == "Yes."


@pytest.mark.parametrize(
    "separator",
    [
        "-----Original Message-----\nFrom: Ann",
        "----- Original Message -----",
        "-----Ursprüngliche Nachricht-----",
        "-----Message d'origine-----",
        "-----Mensaje original-----",
        "-----Messaggio originale-----",
        "-----Oorspronkelijk bericht-----",
        "-----Mensagem original-----",
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "________________________________\nFrom: Ann Lee <ann@example.com>",
        "________________________________\n\nVon: Ann Lee",
        "________________________________\nDe : Ann Lee",
        "From: Ann Lee <ann@example.com>\nSent: Monday, April 2\nTo: Bob\nSubject: Tea",
        "*From:* Ann Lee\n*Date:* Monday, April 2\n*Subject:* Tea",
        "Von: Ann Lee\nGesendet: Montag\nAn: Bob\nBetreff: Tee",
        "Gesendet: Montag um 12:59 Uhr\nVon: Ann Lee\nAn: Bob\nBetreff: Tee",
        "De : Ann Lee\nEnvoyé : lundi\nÀ : Bob\nObjet : Thé",
        "De: Ann Lee\nEnviado el: lunes\nPara: Bob\nAsunto: Té",
        "Da: Ann Lee\nInviato: lunedì\nA: Bob\nOggetto: Tè",
        "Van: Ann Lee\nVerzonden: maandag\nAan: Bob\nOnderwerp: Thee",
        "De: Ann Lee\nEnviada em: segunda\nPara: Bob\nAssunto: Chá",
    ],
)
def test_the_message_below_is_not_the_answer(separator: str) -> None:
    assert reply_text(f"Yes.\r\n\r\n{separator}\r\n\r\nShall we?\r\n") == "Yes."


@pytest.mark.parametrize("mark", ["-- ", "--"])
def test_a_signature_is_not_the_answer(mark: str) -> None:
    assert reply_text(f"Yes.\n{mark}\nAnn Lee\nTea & Sons\n") == "Yes."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Sent from Mail for Windows",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Enviado do meu iPhone",
    ],
)
def test_what_a_telephone_adds_is_not_the_answer(line: str) -> None:
    assert reply_text(f"Yes.\n\n{line}\n") == "Yes."
    assert reply_text(f"Yes.\n\n{line}\n\nOn 2 April at 18:26, Ann wrote:\n\n> Tea?\n") == "Yes."


def test_answers_between_quotes_stay() -> None:
    text = "Ann wrote:\n> Tea?\n\nYes.\n\n> Or cake?\n\nThat too.\n> Bye\n"
    assert reply_text(text) == "Yes.\n\nThat too."


@pytest.mark.parametrize(
    "text",
    [
        "On balance I wrote:\nnothing at all.",
        "Sent from my iPhone is what it said.\nIt was.",
        "Your journey:\nFrom: Berlin\nTo: Paris\nDate: 5 May",
        "a --\nb",
        "____________________\nSign above.",
        "5 > 4",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    assert reply_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["> Tea?\n> Cake?\n", "-- \nAnn Lee\n", "\nFrom: Ann\nTo: Bob\nSubject: Tea\n\nTea?\n", " \n"],
)
def test_where_nobody_wrote_anything_the_whole_text_stays(text: str) -> None:
    assert reply_text(text) == text.strip()


@pytest.mark.parametrize(
    "piece",
    ["\n", "> a\nb\n", "On x\n", "From: x\n", "wrote " * 150 + "\n> x\n", "-", " ", "_____\n"],
)
def test_megabytes_take_seconds(piece: str) -> None:
    started = time.perf_counter()
    reply_text(piece * (2 * 2**20 // len(piece)))
    assert time.perf_counter() - started < 10


LINES = st.sampled_from(
    ["> a", "b", "", "--", "On 1.1. at 1:00 x", "<a@b> wrote:", "From: a", "Subject: b", "To: c"]
)


@given(st.one_of(st.text(), st.lists(LINES).map("\n".join)))
def test_nothing_is_made_up(text: str) -> None:
    reply = reply_text(text)
    assert bool(reply) == bool(text.strip())
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if reply != text.strip():
        assert {line.strip() for line in reply.split("\n")} <= {line.strip() for line in lines}
        assert not any(line.startswith(">") for line in reply.split("\n"))


def test_real_replies_are_cut_down_to_their_one_word(corpus: Path) -> None:
    found = sorted((corpus / "open" / "talon").glob("standard_replies__*.eml"))
    assert len(found) > 10
    wrong = [one.name for one in found if reply_text(parse(one.read_bytes()).text) != "Hello"]
    assert wrong == []
