"""The part of a plain-text body that its author wrote. Pure, and linear in time.

Each line is looked at once and never compared with more than the next few, so that text of some
megabytes costs what its lines cost. Where nobody wrote anything, the whole text is the answer.
"""

from __future__ import annotations

import re

MAX_LINE = 1_000
"""Characters looked at of one line; nothing that is recognised here is longer."""

MAX_WRAPPED = 3
"""Lines of one attribution: "On … wrote:" with a long name and a long address."""

MAX_BLANKS = 2
"""Empty lines between an attribution and its quote."""

_MAX_HEADER_LINES = 8
"""Lines in which From:, Sent:, To: and Subject: are looked for; To: may be wrapped."""

_QUOTED = re.compile(r"[ \t]*>")

_STARTS = re.compile(
    r"[-\s]*(?:(?:On|At|Am|Le|El|Il|Op|Em|Den|Dne|Dnia|W dniu)\b|\d\d?[./-]\d\d?[./-]\d\d)",
    re.IGNORECASE,
)
"""How an attribution begins; needed where it is wrapped."""

_WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|schreibt|a\s+écrit|escribió|escribio|ha\s+scritto|scrive"
    r"|schreef|geschreven|escreveu|skrev|kirjoitti|napsala?|napisała?|pisze|написала?|пишет)\b"
    r".{0,200}:\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_DATED = re.compile(r"\s*\d{4}[/-]\d\d?[/-]\d\d?\b.{0,200}<[^\s<>]{1,320}>:?\s*\Z")
"""The attribution of Gmail until 2013 has no verb."""

_WHEN_OR_WHO = re.compile(r"\d[:.h]\d\d|\S@\S")
"""A time or an address: without one, "On balance I wrote:" is the author's own."""

_HEADER_FIELD = re.compile(
    r"\s*\*?(?:(?P<author>From|Von|De|Da|Van|Från|Fra|Od|От)"
    r"|(?P<subject>Subject|Betreff|Objet|Asunto|Assunto|Oggetto|Onderwerp|Ämne|Emne|Temat|Тема)"
    r"|(?P<other>Sent|Date|To|Cc|Gesendet|Datum|An|Envoyé|À|Date d'envoi|Enviado(?: el| em)?"
    r"|Fecha|Data|Para|Inviato|A|Verzonden|Aan|Skickat|Till|Sendt|Til|Wysłano|Do|Отправлено"
    r"|Кому|Дата))\s?:\*?(?:\s|\Z)",
    re.IGNORECASE,
)
"""A line of the header that is copied above a message."""

_ORIGINAL = re.compile(
    r"\s*[-_=*]{2,}\s*(?:original(?:\s+e-?mail|\s+appointment)?(?:\s+message)?"
    r"|forwarded\s+(?:message|mail)(?:\s+from\b.{0,100})?|reply\s+message"
    r"|ursprüngliche\s+(?:nachricht|mail)|original-?nachricht|weitergeleitete\s+nachricht"
    r"|message\s+(?:d['\u2019]origine|original|transféré|transmis)|e-?mail\s+d['\u2019]origine"
    r"|mensaje\s+(?:original|reenviado)|messaggio\s+(?:originale|inoltrato)"
    r"|(?:oorspronkelijk|doorgestuurd)\s+bericht"
    r"|mensagem\s+(?:original|encaminhada)|ursprungligt\s+meddelande"
    r"|oprindelig\s+meddelelse|oryginalna\s+wiadomość|исходное\s+сообщение)\s*[-_=*]{2,}\s*\Z",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"\s*(?:begin\s+forwarded\s+message|anfang\s+der\s+weitergeleiteten\s+(?:nachricht|e-mail)"
    r"|début\s+du\s+message\s+(?:transféré|réexpédié)|inicio\s+del\s+mensaje\s+reenviado"
    r"|inizio\s+messaggio\s+inoltrato|begin\s+doorgestuurd\s+bericht"
    r"|início\s+da\s+mensagem\s+encaminhada)\s?:\s*\Z",
    re.IGNORECASE,
)
_RULE = re.compile(r"\s*_{8,}\s*\Z")
_SIGNATURE = re.compile(r"--[ \t]?\Z")
_DEVICE = re.compile(
    r"\s*(?:sent\s+(?:from|via|using|with)\s+(?:my\b|mail\b|outlook|yahoo|gmail|proton|samsung|an?\s)"
    r"|get\s+outlook\s+for|von\s+meinem?\s+.{1,60}\s+gesendet|(?:gesendet|diese\s+nachricht\s+wurde)"
    r"\s+(?:von|mit|aus)\s+(?:meinem?|der|outlook|mail)|outlook\s+für\s+\S+\s+(?:beziehen|herunter)"
    r"|envoyé\s+(?:de|depuis|à\s+partir)\s|télécharger\s+outlook"
    r"|enviado\s+(?:desde|do|de|a\s+partir)\s+(?:mi|meu|o|el|outlook)|obtener\s+outlook"
    r"|inviato\s+da(?:l\s|l\s+mio|\s)|scarica\s+outlook"
    r"|verzonden\s+(?:vanaf|met|via)\s|verstuurd\s+vanaf|skickat\s+från\s+min|sendt\s+fra\s+min"
    r"|wysłane\s+z\s|отправлено\s+(?:\u0441|из)\s).{0,100}\Z",
    re.IGNORECASE,
)


def reply_text(text: str) -> str:
    """What the author of `text` wrote: no quotes, no message below, no signature.

    Answers between quoted lines stay. Where nothing would be left, gives the whole text without
    the blanks around it. Never raises.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    own = _without_quotes(lines[: _end(lines)])
    while own and (not own[-1].strip() or _DEVICE.match(own[-1][:MAX_LINE])):
        own.pop()
    return "\n".join(own).strip() or text.strip()


def _end(lines: list[str]) -> int:
    """The first line that begins a signature or a whole message that is not marked as quoted."""
    last_quoted = max((at for at, line in enumerate(lines) if _QUOTED.match(line)), default=-1)
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if _SIGNATURE.match(line) or _begins_message(lines, at):
            return at
        if at > last_quoted and _begins_unmarked_quote(lines, at):
            return at
    return len(lines)


def _begins_message(lines: list[str], at: int) -> bool:
    """What Outlook and its like put above the message that is answered or passed on."""
    line = lines[at][:MAX_LINE]
    if _ORIGINAL.match(line) or _FORWARDED.match(line):
        return True
    if _RULE.match(line):
        below = lines[at + 1 : at + 2 + MAX_BLANKS]
        first = next((one[:MAX_LINE] for one in below if one.strip()), "")
        field = _HEADER_FIELD.match(first)
        return field is not None and field["author"] is not None
    return _HEADER_FIELD.match(line) is not None and _is_header(lines, at)


def _is_header(lines: list[str], at: int) -> bool:
    """Whether From:, Subject: and one more stand here before an empty line.

    Without Subject: it may be a journey: From: Berlin, To: Paris, Date: 5 May.
    """
    found = set()
    for line in lines[at : at + _MAX_HEADER_LINES]:
        if not line.strip():
            break
        field = _HEADER_FIELD.match(line[:MAX_LINE])
        if field:
            found.add(field.lastgroup)
    return len(found) == 3


def _begins_unmarked_quote(lines: list[str], at: int) -> bool:
    """An attribution below which nothing is marked: the quote is all that follows."""
    line = lines[at][:MAX_LINE]
    if not _STARTS.match(line):
        return _WROTE.search(line) is not None and _WHEN_OR_WHO.search(line) is not None
    joined = ""
    for line in lines[at : at + MAX_WRAPPED]:
        if not line.strip():
            return False
        joined += line[:MAX_LINE] + "\n"
        if _WROTE.search(joined):
            return _WHEN_OR_WHO.search(joined) is not None
    return False


def _without_quotes(lines: list[str]) -> list[str]:
    own: list[str] = []
    in_quote = False
    for line in lines:
        if _QUOTED.match(line):
            if not in_quote:
                _drop_attribution(own)
            in_quote = True
        elif line.strip():
            own.append(line)
            in_quote = False
        elif own and own[-1].strip():
            own.append(line)
    return own


def _drop_attribution(own: list[str]) -> None:
    """Take the attribution of the quote that begins now off the end of `own`."""
    end = len(own)
    while end and not own[end - 1].strip():
        end -= 1
    if not end or len(own) - end > MAX_BLANKS:
        return
    joined = ""
    for start in range(end - 1, max(end - 1 - MAX_WRAPPED, -1), -1):
        if not own[start].strip():
            break
        joined = own[start][:MAX_LINE] + "\n" + joined
        if _STARTS.match(joined) and _WROTE.search(joined):
            del own[start:]
            return
    last = own[end - 1][:MAX_LINE]
    if _WROTE.search(last) or _DATED.match(last):
        del own[end - 1 :]
