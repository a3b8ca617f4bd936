"""Gmail's labels as folders that people chose (P8)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from inboxd.model.ids import FolderName
from inboxd.model.labels import Labels, Selection, label_names
from inboxd.model.server import SpecialUse

ALL_MAIL = "[Gmail]/All Mail"


@dataclass(frozen=True)
class Listed:
    name: FolderName
    special_use: SpecialUse | None = None
    separator: str = "/"
    selectable: bool = True
    labelled: bool = False


FOLDERS = (
    Listed(FolderName("INBOX"), SpecialUse.INBOX),
    Listed(FolderName("Sales")),
    Listed(FolderName("Sales/North")),
    Listed(FolderName("[Gmail]"), selectable=False),
    Listed(FolderName(ALL_MAIL), SpecialUse.ALL, labelled=True),
    Listed(FolderName("[Gmail]/Drafts"), SpecialUse.DRAFTS),
    Listed(FolderName("[Gmail]/Sent Mail"), SpecialUse.SENT),
    Listed(FolderName("[Gmail]/Spam"), SpecialUse.JUNK),
    Listed(FolderName("[Gmail]/Trash"), SpecialUse.TRASH),
)
EVERYTHING = next(folder for folder in FOLDERS if folder.labelled)


def test_system_labels_are_shown_by_the_folders_that_show_them() -> None:
    carried = {"\\Inbox", "\\Sent", "\\Important", "Sales", "Hidden"}
    names = label_names(carried, FOLDERS)
    assert names == {"INBOX", "[Gmail]/Sent Mail", "Sales", "Hidden"}


@pytest.mark.parametrize(
    ("labels", "folders"),
    [
        ("all", {ALL_MAIL}),
        (("Sales",), {ALL_MAIL}),
        (("[Gmail]/Drafts",), {ALL_MAIL}),
        (("[Gmail]/Trash",), {"[Gmail]/Trash"}),
        (("Sales", "[Gmail]/Spam"), {ALL_MAIL, "[Gmail]/Spam"}),
    ],
)
def test_every_label_is_fetched_out_of_all_mail_but_those_beside_it(
    labels: Labels, folders: set[str]
) -> None:
    """P8, P14: Spam and Trash are not in All Mail."""
    assert Selection.of(labels, FOLDERS).folders == folders


@pytest.mark.parametrize(
    ("labels", "carried", "taken"),
    [
        ("all", set(), True),
        ("all", {"\\Inbox", "Sales"}, True),
        ("all", {"\\Draft"}, False),
        (("Sales",), {"Sales"}, True),
        (("Sales",), {"Sales/North"}, False),
        (("Sales/*",), {"Sales/North"}, True),
        (("Sales/*",), {"Sales/Made later"}, True),
        (("inbox",), {"\\Inbox"}, True),
        (("INBOX",), {"Sales"}, False),
        (("[Gmail]/Drafts",), {"\\Draft"}, True),
        ((ALL_MAIL,), set(), True),
    ],
)
def test_a_message_is_chosen_by_the_labels_it_carries(
    labels: Labels, carried: set[str], taken: bool
) -> None:
    """P8."""
    assert Selection.of(labels, FOLDERS).takes(EVERYTHING, carried) is taken


def test_without_all_mail_labels_are_folders() -> None:
    """It can be hidden from IMAP in Gmail's settings."""
    plain = [folder for folder in FOLDERS if not folder.labelled]
    selection = Selection.of(("Sales",), plain)
    assert selection.folders == {"Sales"}
    assert selection.takes(plain[1], {"Support"})
