"""What machines answer to mail: it did not arrive, it was shown, it was called spam. Pure.

Delivery status notifications (RFC 3464), disposition notifications (RFC 8098) and abuse reports
(RFC 5965) are read from their machine-readable part; `bounces` reads those that have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from inboxd.mime import bounces, fields, html, mailboxes, params, structure, text, transfer, words
from inboxd.mime.structure import Part
from inboxd.model.addresses import normalise
from inboxd.model.ids import AddressKey
from inboxd.model.reports import Recipient, Report, ReportKind

MAX_REPORT = 1024 * 1024
"""Bytes read of one machine-readable part: thousands of recipients."""

MAX_RECIPIENTS = 1_000
"""Of one report; more than most servers take in one message."""

_Fields = dict[str, list[bytes]]
"""The fields of one block, by lower-case name."""


_REPORT = "multipart/report"
_KINDS = {
    "message/delivery-status": ReportKind.DELIVERY,
    "message/global-delivery-status": ReportKind.DELIVERY,
    "message/disposition-notification": ReportKind.DISPOSITION,
    "message/global-disposition-notification": ReportKind.DISPOSITION,
    "message/feedback-report": ReportKind.ABUSE,
}
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient")
_MAX_LINE = 4_000
"""Bytes read of one field; a diagnostic text is the longest."""

_RETURNED = frozenset(
    {
        *("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"),
        *("message/global-headers", "text/rfc822"),
    }
)
_ACTIONS = {"failure": "failed", "fail": "failed", "error": "failed", "delay": "delayed"}
"""What mailers write for the words of RFC 3464 2.3.3."""

_BY_CLASS = {"2": "delivered", "4": "delayed", "5": "failed"}

_MAILER_NAMES = re.compile(
    r"\bmail(?:er)?[-_. ]?da?emon|\bmdaemon|postmaster"
    r"|\bmail[ ._-]delivery|\bdelivery[ ._-](?:sub)?system|\bsystem[ ._-]administrator",
    re.IGNORECASE,
)
_FAILURE_SUBJECT = re.compile(
    r"(?:warning: )?(?:non[- ]?delivery|(?:mail |message |permanent )?delivery\b.{0,30}"
    r"(?:fail|problem|error|warning|status|notification)|un(?:deliver|able to deliver)"
    r"|return(?:ed|ing) (?:mail|message|to sender)|failure (?:notice|delivery)|failed mail"
    r"|mail (?:could not be|not|failed|failure|system error)|message (?:delayed|undeliver)"
    r"|(?:mail|message) \S+ delayed|nondeliverable|.{1,300}\(delivery failed\)$)",
    re.IGNORECASE,
)
_ANSWER_SUBJECT = re.compile(r"\s*(?:re|fwd?|aw|wg|tr|rv|sv|vs|antw|enc|i|r)\s*:", re.IGNORECASE)
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{0,39}")
_EMPTY_LINES = re.compile(rb"\n[ \t\r]*\n")
_UTF8_ESCAPE = re.compile(r"\\x\{(10[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2,5})\}")
"""RFC 6533 3."""
_MARKUP = re.compile(r"</|<br\b", re.IGNORECASE)
"""Without it, what Yahoo calls text/html is plain text with its line ends."""

_MESSAGE_ID = re.compile(r"<\s*([^<>\s][^<>]{0,997})>")
_MESSAGE_ID_LINE = re.compile(
    r"^[ \t>|]{0,8}Message-ID:\s*<([^<>\s]{1,998})>", re.IGNORECASE | re.MULTILINE
)


def report_of(raw: bytes) -> Report | None:
    """The report that a message is, or None for all other mail. Never raises."""
    try:
        return _read(raw if b"\n" in raw else raw.replace(b"\r", b"\n"))
    except Exception:  # noqa: BLE001  mail is hostile: no exception may leave
        return None


def _read(raw: bytes) -> Report | None:
    header = fields.read(raw)
    kind = params.read(header.first("content-type")).head
    a_report = kind == _REPORT
    from_mailer = _is_from_mailer(header)
    if not from_mailer and not kind.startswith("multipart/"):
        return None
    root = structure.read(raw, [])
    report = None
    if a_report or not _is_answer(header):
        report = _machine_readable(raw, root)
    if (report is None or not report.recipients) and (from_mailer or a_report):
        return _free_form(raw, root) or report
    return report


def _is_from_mailer(header: fields.Header) -> bool:
    """Whether a machine wrote it: by its sender, its subject or what only bounces have."""
    if header.first("x-failed-recipients"):
        return True
    if _MAILER_NAMES.search(words.text_of(header.first("from")[:_MAX_LINE])):
        return True
    return _FAILURE_SUBJECT.match(_subject(header)) is not None


def _is_answer(header: fields.Header) -> bool:
    """Whether a person answers a report or forwards one."""
    return _ANSWER_SUBJECT.match(_subject(header)) is not None


def _subject(header: fields.Header) -> str:
    return words.text_of(header.first("subject")[:_MAX_LINE]).strip()


def _machine_readable(raw: bytes, root: Part) -> Report | None:
    """The report in the parts that are made for machines, or None where there are none."""
    told = [part for part in root.leaves() if part.kind in _KINDS]
    if told:
        return _report(raw, root, told)
    # Virus scanners wrap a report into a message of their own that keeps its type.
    if root.children and root.content_type.get("report-type"):
        wrapped = root.children[0]
        inner = _content(raw, wrapped) if wrapped.kind == "message/rfc822" else b""
        inner_root = structure.read(inner, [])
        told = [part for part in inner_root.leaves() if part.kind in _KINDS]
        if told and inner_root.kind == _REPORT:
            return _report(inner, inner_root, told)
    return None


def _report(raw: bytes, root: Part, told: list[Part]) -> Report:
    """What the parts `told` of one report say; some mailers send two of them, one in prose."""
    kind = _KINDS[told[0].kind]
    groups = _groups(b"\n\n".join(_content(raw, part)[:MAX_REPORT] for part in told[:10]))
    returned = _returned_header(raw, root)
    readers = {ReportKind.DELIVERY: _delivery, ReportKind.DISPOSITION: _disposition}
    reader = readers.get(kind)
    found = reader(groups) if reader else _abuse(groups, returned)
    ids = (_id_in(_line(group, "original-message-id")) for group in groups)
    told_id = next((one for one in ids if one), "")
    return Report(kind, _distinct(found), told_id or _message_id(returned))


def _content(raw: bytes, part: Part) -> bytes:
    return transfer.decode(raw[part.start : part.end], part.encoding, [])


def _groups(content: bytes) -> list[_Fields]:
    """The fields of each block between empty lines (RFC 3464 2.1).

    A block that names no recipient belongs to the one before that does: its mailer left an empty
    line too many.
    """
    groups: list[_Fields] = []
    for block in _EMPTY_LINES.split(content):
        values = fields.read(block).values
        if groups and _is_recipient(groups[-1]) and not _is_recipient(values):
            for name, found in values.items():
                groups[-1].setdefault(name, found)
        elif values:
            groups.append(values)
    return groups


def _is_recipient(group: _Fields) -> bool:
    return any(name in group for name in _RECIPIENT_FIELDS)


def _delivery(groups: list[_Fields]) -> Iterator[Recipient]:
    """RFC 3464 2.3: a block for each recipient, behind one about the message."""
    for group in groups:
        count = max(len(group.get(name, ())) for name in _RECIPIENT_FIELDS)
        # Some mailers put no empty line between two recipients.
        for index in range(min(count, MAX_RECIPIENTS)):
            address = _recipient_of(group, index)
            if address:
                status = _status(group, index)
                action = _action(_line(group, "action", index), status)
                yield _recipient(address, action, status)


def _recipient_of(group: _Fields, index: int = 0) -> str:
    """RFC 3464 2.3.1 and 2.3.2: who was written to comes before who it went on to."""
    for name in _RECIPIENT_FIELDS:
        kind, semicolon, address = _line(group, name, index).partition(";")
        if not semicolon:
            kind, address = "", kind
        if kind.strip().lower() == "utf-8":
            address = _UTF8_ESCAPE.sub(lambda match: chr(int(match[1], 16)), address)
        address = address.strip().strip("<>").strip()
        if normalise(address) is not None:
            return address
    return ""


def _status(group: _Fields, index: int) -> str:
    """The Status; where it is absent or says nothing (x.0.0), what the diagnostic text has."""
    match = _STATUS.match(_line(group, "status", index))
    status = match[1] if match else ""
    if not status or status.endswith(".0.0"):
        finer = bounces.status_in(_line(group, "diagnostic-code", index))
        if finer and (not status or finer[0] == status[0]):
            return finer
    return status


def _action(told: str, status: str) -> str:
    word = _WORD.match(told)
    if word is None:
        return _BY_CLASS.get(status[:1], "failed")
    action = word[0].lower()
    return _ACTIONS.get(action, action)


def _disposition(groups: list[_Fields]) -> Iterator[Recipient]:
    """RFC 8098 3.2: one recipient, and the type behind the mode."""
    whole = {name: values for group in groups for name, values in group.items()}
    address = _recipient_of(whole)
    word = _WORD.match(_line(whole, "disposition").rpartition(";")[2].strip())
    if address and word is not None:
        yield _recipient(address, word[0].lower(), "")


def _abuse(groups: list[_Fields], returned: fields.Header) -> Iterator[Recipient]:
    """RFC 5965 3.2; a report that names no recipient is about the only one it was written to."""
    whole = {name: values for group in groups for name, values in group.items()}
    word = _WORD.match(_line(whole, "feedback-type"))
    told = whole.get("original-rcpt-to", [])
    people = [one.address for value in told for one in mailboxes.read(value).addresses]
    if not people:
        written = mailboxes.read(returned.first("to")).addresses
        people = [one.address for one in written if len(written) == 1]
    for address in people[:MAX_RECIPIENTS]:
        if normalise(address) is not None:
            yield _recipient(address, word[0].lower() if word else "abuse", "")


def _recipient(address: str, action: str, status: str) -> Recipient:
    return Recipient(address, action, status, action == "failed" and not status.startswith("4"))


def _distinct(found: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Each address once; of two reports about one, the worse."""
    worst: dict[AddressKey | None, Recipient] = {}
    for one in found:
        known = worst.setdefault(normalise(one.address), one)
        if one.permanent and not known.permanent:
            worst[normalise(one.address)] = one
    return tuple(worst.values())[:MAX_RECIPIENTS]


def _line(group: _Fields, name: str, index: int = 0) -> str:
    """One value as a line of text; a field that stands there once is meant for all recipients."""
    values = group.get(name, [])
    value = values[index] if index < len(values) else values[0] if values else b""
    return words.unfolded(value[:_MAX_LINE])


def _returned_header(raw: bytes, root: Part) -> fields.Header:
    """The header of the message that came back, or an empty one."""
    for part in root.leaves():
        if part.kind in _RETURNED:
            return fields.read(_content(raw, part)[:MAX_REPORT])
    return fields.Header({}, 0)


def _message_id(header: fields.Header) -> str:
    return _id_in(words.unfolded(header.first("message-id")[:_MAX_LINE]))


def _id_in(line: str) -> str:
    match = _MESSAGE_ID.search(line)
    return match[1] if match else ""


def _free_form(raw: bytes, root: Part) -> Report | None:
    """A bounce that says in words only what it says; the header field is Exim's."""
    part = next((one for one in root.leaves() if one.kind in text.PLAIN | text.HTML), None)
    if part is None:
        return None
    told = text.part_text(raw, part, [])
    if part.kind in text.HTML and _MARKUP.search(told):
        told = html.to_text(told, [])
    sender = mailboxes.read(root.header.first("from")).addresses
    domain = sender[0].address.rpartition("@")[2] if sender else ""
    bounce = bounces.bounce_in(told, domain)
    failed = mailboxes.read(b", ".join(root.header.all("x-failed-recipients"))).addresses
    listed = bounce.addresses if bounce else tuple((one.address, "") for one in failed)
    if not listed:
        return None
    action = "delayed" if bounces.is_delay(told) or (bounce and bounce.delayed) else "failed"
    quoted = _MESSAGE_ID_LINE.search(told[: bounces.MAX_TEXT])
    return Report(
        ReportKind.DELIVERY,
        _distinct(_recipient(address, action, status) for address, status in listed),
        _message_id(_returned_header(raw, root)) or (quoted[1] if quoted else ""),
    )
