"""Made-up mail with the sizes of real mail: seeded, quick, and different every time."""

from __future__ import annotations

import base64
import math
from collections import deque
from collections.abc import Iterator, Sequence
from random import Random

MEDIAN_BYTES = 6_000
SPREAD = 1.69
"""Of the log-normal size: with the median it makes 20,000 messages about 500 MB."""

MOST_BYTES = 5_000_000

TEXT_ONLY_BYTES = 9_000
"""Larger messages owe their size to an attachment."""

REPLIES = 0.4
"""Of all messages."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Mailmaker:
    """A source of messages."""

    def __init__(self, seed: int = 1, median_bytes: int = MEDIAN_BYTES) -> None:
        self._random = random = Random(seed)
        self._median_bytes = median_bytes
        words = ["".join(random.choices(_LETTERS, k=random.randint(2, 9))) for _ in range(8_000)]
        self._lines = [" ".join(random.choices(words, k=12)) for _ in range(3_000)]
        packed = base64.encodebytes(random.randbytes(4_000_000))
        self._attachment = packed.replace(b"\n", b"\r\n")
        self._count = 0
        self._latest: deque[str] = deque(maxlen=200)

    def mails(
        self, count: int, *, contacts: Sequence[str] = (), share: float = 0.0
    ) -> Iterator[bytes]:
        """That many messages; one of `contacts` takes part in exactly `share` of them.

        These are spread evenly, the first message being one, and the contact is sender and
        recipient in turn.
        """
        wanted = round(count * share) if contacts else 0
        with_contact = 0
        for number in range(count):
            if number * wanted % count >= wanted:
                yield self.mail()
            elif with_contact % 2 == 0:
                yield self.mail(sender=self._random.choice(contacts))
                with_contact += 1
            else:
                yield self.mail(to=self._random.choice(contacts))
                with_contact += 1

    def mail(self, *, sender: str = "", subject: str = "", to: str = "me@example.org") -> bytes:
        """One message of a size as it comes."""
        random = self._random
        size = min(MOST_BYTES, int(random.lognormvariate(math.log(self._median_bytes), SPREAD)))
        text = size if size < TEXT_ONLY_BYTES else int(random.lognormvariate(math.log(2_500), 0.8))
        header = self._header(sender or f"p{random.randint(1, 3_000)}@people.example", to, subject)
        body = self._text(max(1, min(text, size) - len(header)))
        attached = size - len(header) - len(body)
        if size < TEXT_ONLY_BYTES or attached <= 0:
            return header + body
        start = random.randrange(0, len(self._attachment) // 2)
        start -= start % 78
        return b"".join(
            (
                header,
                b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n",
                body,
                b"--m\r\nContent-Type: application/pdf; name=f.pdf\r\n",
                b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n",
                # A cut between CR and LF would leave a bare CR, which servers put right.
                self._attachment[start : start + attached].removesuffix(b"\r"),
                b"\r\n--m--\r\n",
            )
        )

    def _header(self, sender: str, to: str, subject: str) -> bytes:
        """What all messages have, without the type; four in ten answer one of the last."""
        random = self._random
        self._count += 1
        subject = subject or f"{random.choice(self._lines)[:50]} {self._count}"
        own = f"<{random.getrandbits(80):x}@people.example>"
        answers = ""
        if self._latest and random.random() < REPLIES:
            parent = random.choice(self._latest)
            answers = f"In-Reply-To: {parent}\r\nReferences: {parent}\r\n"
        self._latest.append(own)
        return (
            f"From: Person <{sender}>\r\nTo: Me <{to}>\r\nSubject: {subject}\r\n"
            f"Date: Mon, 02 Nov 2026 10:{self._count % 60:02}:00 +0000\r\n"
            f"Message-ID: {own}\r\n{answers}MIME-Version: 1.0\r\n"
        ).encode()

    def _text(self, size: int) -> bytes:
        """About `size` bytes of text with their type: plain, or half of it again as HTML."""
        as_html = size > 1_000 and self._random.random() < 0.5
        lines = self._random.choices(self._lines, k=max(1, size // (2 * 82 if as_html else 80)))
        text = "\r\n".join(lines)
        plain = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        if not as_html:
            return plain.encode()
        paragraphs = "</p>\r\n<p>".join(lines)
        return (
            f"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n{plain}"
            "--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
            f"<html><body><p>{paragraphs}</p></body></html>\r\n--a--\r\n"
        ).encode()
