"""Made-up mail with the sizes of real mail: seeded, quick, and different every time."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from random import Random

MEDIAN_BYTES = 6_000
SPREAD = 1.69
"""Of the log-normal size: with the median it makes 20,000 messages about 500 MB."""

MOST_BYTES = 5_000_000

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

    def mails(
        self, count: int, *, contacts: Sequence[str] = (), share: float = 0.0
    ) -> Iterator[bytes]:
        """That many messages; every `1/share`-th is from one of `contacts`."""
        every = round(1 / share) if contacts and share else 0
        for number in range(count):
            if every and number % every == 0:
                yield self.mail(sender=self._random.choice(contacts))
            else:
                yield self.mail()

    def mail(self, *, sender: str = "", subject: str = "", to: str = "me@example.org") -> bytes:
        """One message of a size as it comes."""
        random, self._count = self._random, self._count + 1
        size = min(MOST_BYTES, int(random.lognormvariate(math.log(self._median_bytes), SPREAD)))
        text = min(size, int(random.lognormvariate(math.log(2_500), 0.8)))
        sender = sender or f"p{random.randint(1, 3_000)}@people.example"
        subject = subject or f"{random.choice(self._lines)[:50]} {self._count}"
        lines = "\r\n".join(random.choices(self._lines, k=max(1, text // 80)))
        header = (
            f"From: Person <{sender}>\r\nTo: Me <{to}>\r\nSubject: {subject}\r\n"
            f"Date: Mon, 02 Nov 2026 10:{self._count % 60:02}:00 +0000\r\n"
            f"Message-ID: <{random.getrandbits(80):x}@people.example>\r\nMIME-Version: 1.0\r\n"
        )
        plain = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{lines}\r\n"
        if size - text < 4_000:
            return (header + plain).encode()
        start = random.randrange(0, len(self._attachment) // 2)
        start -= start % 78
        return b"".join(
            (
                f"{header}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".encode(),
                f"{plain}--b\r\nContent-Type: application/pdf; name=f.pdf\r\n".encode(),
                b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n",
                # A cut between CR and LF would leave a bare CR, which servers put right.
                self._attachment[start : start + size - text].removesuffix(b"\r"),
                b"\r\n--b--\r\n",
            )
        )
