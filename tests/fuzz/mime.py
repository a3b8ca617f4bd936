"""`make fuzz`: a coverage-guided fuzzer looks for bytes that the mail parser cannot take.

It begins with the corpus of real messages and ends after the given time; whatever raises is
printed with its input, and the exit code is not 0.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["inboxd"]):
    from inboxd.contacts import csv_file, vcard_file
    from inboxd.imap.protocol import ImapProtocol
    from inboxd.mime.marks import marks_of
    from inboxd.mime.parse import attachment_bytes, parse
    from inboxd.mime.people import headers_people
    from inboxd.mime.reply import reply_text
    from inboxd.mime.reports import report_of
    from inboxd.mime.sanitise import sanitise
    from inboxd.model.addresses import normalise

LARGEST = 64 * 1024
"""Bytes of one input: larger ones are the hostile tests' subject."""


def read_all(data: bytes) -> None:
    """Everything that is ever done with a message, and with bytes of other strangers."""
    parsed = parse(data)
    assert "internal" not in " ".join(parsed.problems), parsed.problems
    parsed.text.encode()
    reply_text(parsed.text)
    sanitise(parsed.html)
    headers_people(data)
    marks_of(data)
    report_of(data)
    for one in parsed.attachments[:3]:
        attachment_bytes(data, one.index)
    for _, person in parsed.people():
        normalise(person.address)
    vcard_file.read(data)
    csv_file.read(data)
    protocol = ImapProtocol("fuzz:143", greeted=False)
    protocol.data_received(data)


def main() -> None:
    """Fuzz for a while."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300)
    beside = Path(__file__).parents[3] / "shared" / "corpus" / "open"
    parser.add_argument("--corpus", type=Path, default=os.environ.get("INBOXD_CORPUS", beside))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as found:
        options = [f"-max_total_time={chosen.seconds}", f"-max_len={LARGEST}", "-timeout=20"]
        seeds = [str(one) for one in chosen.corpus.iterdir()] if chosen.corpus.is_dir() else []
        atheris.Setup([sys.argv[0], *options, "-verbosity=1", found, *seeds], read_all)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
