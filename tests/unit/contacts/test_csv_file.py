"""P24: contacts come in by CSV, as spreadsheets and address books export it."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.contacts.csv_file import MAX_BYTES, CsvContacts, read
from inboxd.model.addresses import normalise
from inboxd.model.contacts import NewContact

ANN = NewContact("Ann Lee", ("ann@example.com",))
JUERGEN = NewContact("Jürgen Groß", ("jürgen@example.com",))


@pytest.mark.parametrize(
    "text",
    [
        "Name,E-mail\nAnn Lee,ann@example.com\n",
        "name;email\r\nAnn Lee;ann@example.com\r\n",
        "Name\tEmail Address\nAnn Lee\tann@example.com",
        "E-Mail-Adresse,Vorname,Nachname\nann@example.com,Ann,Lee\n",
        "Prénom;Nom;Adresse e-mail;Courriel\nAnn;Lee;;ann@example.com\n",
        "Nombre,Apellidos,Correo electrónico\nAnn,Lee,ann@example.com\n",
        (
            "First Name,Middle Name,Last Name,E-mail 1 - Label,E-mail 1 - Value\n"
            "Ann,,Lee,* Work,ann@example.com\n"
        ),
        (
            "First Name,Last Name,E-mail Address,E-mail Type,E-mail Display Name\n"
            "Ann,Lee,ann@example.com,SMTP,Ann (work)\n"
        ),
        "Person - Name,Person - Email - Work,Person - ID\nAnn Lee,ann@example.com,7\n",
        '"Name","Email"\n"Ann Lee","ann@example.com"\n',
        "ann@example.com,Ann Lee\n",
        "17,Ann Lee,ann@example.com\n",
        "\n\nName,Email\n,\nAnn Lee,ann@example.com\n\n",
        'Email\n"Ann Lee" <ann@example.com>\n',
    ],
)
def test_common_exports_are_recognised(text: str) -> None:
    found = read(text.encode())
    assert found.contacts == (ANN,)


def test_a_file_of_bare_addresses_needs_no_heading() -> None:
    found = read(b"ann@example.com\nbob@example.com\n")
    assert [one.addresses for one in found.contacts] == [
        ("ann@example.com",),
        ("bob@example.com",),
    ]
    assert found.problems == ()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_the_usual_encodings_are_recognised(encoding: str) -> None:
    text = "Name;E-Mail\nJürgen Groß;jürgen@example.com\n"
    assert read(text.encode(encoding)).contacts == (JUERGEN,)


def test_a_person_may_have_several_addresses_over_columns_and_in_one() -> None:
    found = read(
        b"Name,E-mail 1 - Value,E-mail 2 - Value\n"
        b"Ann Lee,ann@example.com ::: a.lee@example.com,ANN@example.com\n"
    )
    assert found.contacts == (NewContact("Ann Lee", ("ann@example.com", "a.lee@example.com")),)


def test_each_unusable_line_is_named_and_the_others_are_taken() -> None:
    found = read(
        b"Name,Email\n"
        b"Ann Lee,ann@example.com\n"
        b"Bob,\n"
        b'"Multi\nline",not an address\n'
        b"Cleo,cleo@example.com\n"
    )
    assert [one.name for one in found.contacts] == ["Ann Lee", "Cleo"]
    assert found.problems == (
        "line 3: there is no e-mail address.",
        "line 4: an e-mail address cannot be read.",
    )


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf\n\n", b"Name,Phone\nAnn,123\n"])
def test_a_file_without_addresses_is_one_problem(data: bytes) -> None:
    found = read(data)
    assert found.contacts == ()
    assert len(found.problems) == 1
    assert found.problems[0].startswith("line 1: ")


def test_a_field_of_10_mb_is_named_and_bounded() -> None:
    started = time.perf_counter()
    found = read(
        b'Name,Email\n"' + b"x" * 10_000_000 + b'",a@example.com\nAnn Lee,ann@example.com\n'
    )
    assert found.contacts == (ANN,)
    assert found.problems[0].startswith("line 2: longer than")
    assert time.perf_counter() - started < 1


def test_a_lost_quotation_mark_costs_its_own_line_only() -> None:
    lines = [f"Person {n},p{n}@example.com" for n in range(5_000)]
    found = read("\n".join(["Name,Email", '"Ann Lee,ann@example.com', *lines]).encode())
    assert len(found.contacts) >= 5_000


def test_a_file_of_nonsense_is_named_up_to_a_thousand_lines() -> None:
    found = read(b"Name,Email\n" + b"Bob,\n" * 1_500)
    assert len(found.problems) == 1_001
    assert found.problems[-1] == "line 1002: from here on 500 more lines cannot be used."


def test_a_file_too_large_is_refused_unread() -> None:
    found = read(b"a" * (MAX_BYTES + 1))
    assert found == CsvContacts((), ("line 1: the file is larger than 64 MiB: split it.",))


def test_problems_never_repeat_what_stands_in_the_line() -> None:
    found = read(b"Name,Email\nBob Secret,bob at secret.example\n")
    assert "ecret" not in " ".join(found.problems)


@given(st.binary(max_size=300))
def test_whatever_the_bytes_each_contact_has_a_readable_address(data: bytes) -> None:
    for prefix in (b"", b"Name,Email\n"):
        for contact in read(prefix + data).contacts:
            assert contact.addresses
            assert all(normalise(address) for address in contact.addresses)
            contact.name.encode()


NAMES = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=20)


@given(
    st.lists(st.tuples(NAMES, st.integers(0, 10**6)), min_size=1, max_size=20),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_spreadsheet_writes_is_read_back(
    people: list[tuple[str, int]], delimiter: str, encoding: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["Name", "Email"])
    writer.writerows((name, f"p{number}@example.com") for name, number in people)
    found = read(out.getvalue().encode(encoding))
    assert [(one.name, one.addresses) for one in found.contacts] == [
        (name, (f"p{number}@example.com",)) for name, number in people
    ]
    assert found.problems == ()
