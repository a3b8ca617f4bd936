"""Where inboxd reads a field otherwise than a source has it, and why.

Each reason begins with whose doing it is: `Theirs` where the source does not say what the bytes of
the message say, `Ours` where both readings can be held and inboxd decided.
"""

from __future__ import annotations

_NO_NAME = "Theirs: the standard library drops this field; it is there to be read."
_UNDECODED = "Theirs: raw 8-bit text was not decoded; read in the charset of the body it is right."
_UTF_7 = "Theirs: raw UTF-7 was not decoded; the body's charset says what it is."
_REPORT = "Ours: each part of a delivery report that is not its text is an attachment."
_SIGNATURE = "Ours: a signature is an attachment, or nobody could check it."
_ROUTE = "Theirs: RFC 5322 4.4 has routes, comments and blanks as no part of the address."
_NOBODY = "Theirs: RFC 5322 3.2.2 has a comment as no mailbox, wherever it stands."

_HEADERS = "expected/stalwart-headers/"
_IMAP_TOOLS = "open/imap_tools/"
_STALWART = "open/stalwart/eml__"
_NAMELESS = f"{_IMAP_TOOLS}plain_emails__raw_email_incorrect_header.eml"
_EXAMPLE_13 = f"{_IMAP_TOOLS}rfc2822__example13.eml"

_ZBATESON: dict[tuple[str, str], str] = {
    ("open/zbateson/m0020.eml", "html"): "Ours: of several HTML parts all are kept.",
    ("open/zbateson/m4002.eml", "attachment count"): _SIGNATURE,
    ("open/zbateson/m4004.eml", "attachment count"): _SIGNATURE,
    (
        f"{_STALWART}legacy__030.eml",
        "attachment count",
    ): "Ours: a text with a file name is a file.",
    (f"{_STALWART}legacy__034.eml", "text"): (
        "Theirs: the sender's UTF-7 is broken; the bytes are Chinese characters where German "
        "ones were meant."
    ),
}

_OF_IMAP_TOOLS: dict[tuple[str, str], str] = {
    (f"{_IMAP_TOOLS}attachment_emails__attachment_message_rfc822.eml", "attachments"): (
        "Ours: an attached message is one attachment; what is attached to it is inside."
    ),
    (f"{_IMAP_TOOLS}error_emails__invalid_subject_characters.eml", "subject"): (
        "Theirs: 8-bit characters of the subject were dropped."
    ),
    (f"{_IMAP_TOOLS}error_emails__missing_body.eml", "to"): (
        "Theirs: an empty group written as an address is read as two addresses."
    ),
    (f"{_IMAP_TOOLS}error_emails__missing_content_disposition.eml", "attachments"): (
        "Ours: an image is an attachment without a Content-Disposition too."
    ),
    (f"{_IMAP_TOOLS}mime_emails__raw_email11.eml", "to"): (
        "Ours: where the angle brackets hold no address, the one in the name counts."
    ),
    (
        f"{_IMAP_TOOLS}mime_emails__raw_email_with_mimepart_without_content_type.eml",
        "attachments",
    ): _REPORT,
    (f"{_IMAP_TOOLS}multipart_report_emails__multi_address_bounce1.eml", "attachments"): _REPORT,
    (f"{_IMAP_TOOLS}multipart_report_emails__report_422.eml", "attachments"): _REPORT,
    (f"{_IMAP_TOOLS}multipart_report_emails__report_530.eml", "attachments"): _REPORT,
    (f"{_IMAP_TOOLS}plain_emails__mix_caps_content_type.eml", "from_"): (
        "Theirs: `Big Bug bb@bug.com` holds one address and it has no blanks."
    ),
    (_NAMELESS, "subject"): _NO_NAME,
    (_NAMELESS, "from_"): _NO_NAME,
    (_NAMELESS, "to"): _NO_NAME,
    (_NAMELESS, "date"): _NO_NAME,
    (f"{_IMAP_TOOLS}plain_emails__raw_email_with_at_display_name.eml", "to"): (
        "Theirs: `Mikel@Lindsaar` in front of an address is its name."
    ),
    (_EXAMPLE_13, "subject"): _NO_NAME,
    (_EXAMPLE_13, "from_"): _NO_NAME,
    (_EXAMPLE_13, "to"): _NO_NAME,
    (_EXAMPLE_13, "date"): _NO_NAME,
    (f"{_IMAP_TOOLS}rfc2822__example14.eml", "subject"): (
        "Theirs: RFC 2047 6.2 has only blanks between two encoded words vanish."
    ),
    (f"{_IMAP_TOOLS}text_with_content_id.eml", "attachments"): (
        "Ours: a message that is nothing but text has no attachment, Content-ID or not."
    ),
}

_VECTORS: dict[tuple[str, str], str] = {
    (f"{_HEADERS}address.json", "9 names"): (
        "Ours: a backslash at the end of a line quotes the fold's blank, not the mark behind it."
    ),
    **{
        (f"{_HEADERS}address.json", f"{number} {what}"): _NOBODY
        for number in (10, 11)
        for what in ("addresses", "names")
    },
    (f"{_HEADERS}address.json", "13 addresses"): _ROUTE,
    (f"{_HEADERS}address.json", "14 addresses"): _ROUTE,
    (f"{_HEADERS}content_type.json", "34 parameters"): (
        "Ours: blanks between encoded words vanish (RFC 2047 6.2) in quotation marks too."
    ),
    (f"{_HEADERS}content_type.json", "61 parameters"): (
        "Theirs: RFC 2231 7 has no parameter whose name holds stars in odd places."
    ),
    (f"{_HEADERS}date.json", "12"): "Theirs: eighteen numbers are no date.",
    (f"{_HEADERS}id.json", "6"): (
        "Theirs: RFC 5322 4.5.4 has comments and blanks as no part of a Message-ID."
    ),
    (f"{_HEADERS}unstructured.json", "22"): "Ours: no blank is shown where none is written.",
}

_OF_STALWART: dict[tuple[str, str], str] = {
    (f"{_STALWART}legacy__049.eml", "attachments"): (
        "Ours: uuencoded files in a text are attachments."
    ),
    (f"{_STALWART}rfc__000.eml", "attachments"): "Ours: text/enriched is text.",
    (f"{_STALWART}rfc__003.eml", "attachments"): "Ours: text/enriched is text.",
    (f"{_STALWART}legacy__034.eml", "subject"): _UTF_7,
    (f"{_STALWART}legacy__034.eml", "to"): _UTF_7,
    (f"{_STALWART}legacy__017.eml", "to"): _UNDECODED,
    **{
        (f"{_STALWART}legacy__{number}.eml", field): _UNDECODED
        for number in ("010", "020", "022", "027", "052")
        for field in ("subject", "to")
    },
    **{
        (f"{_STALWART}legacy__{number}.eml", "attachments"): _UNDECODED
        for number in ("016", "023", "026")
    },
}

_THREADS: dict[tuple[str, str], str] = {
    ("open/mail-thread-perl/testbox-9.005.eml", "thread"): (
        "Ours: it refers to no message, and equal subjects join strangers."
    ),
}
"""Where a tree holds a message, and those below it, by its subject alone (`test_threads`)."""

KNOWN: dict[tuple[str, str], str] = {
    **_ZBATESON,
    **_OF_IMAP_TOOLS,
    **_VECTORS,
    **_OF_STALWART,
    **_THREADS,
}
"""(file, field) -> one sentence. A field stands here exactly as long as it is read otherwise."""
