"""What a choice of labels selects: folders, and on Gmail the messages that carry them (P8).

Pure. Nothing here asks a server or writes a database.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from inboxd.model.errors import RuleRefused
from inboxd.model.ids import FolderName
from inboxd.model.server import SpecialUse

ALL: Literal["all"] = "all"
Labels = Literal["all"] | tuple[str, ...]

LEFT_OUT_OF_ALL = frozenset({SpecialUse.DRAFTS, SpecialUse.JUNK, SpecialUse.TRASH})
"""P8: what `labels: all` does not take unless it is named."""


class FolderLike(Protocol):
    """What the rules need to know of a folder."""

    @property
    def name(self) -> FolderName:
        """Decoded, as people read it."""

    @property
    def separator(self) -> str:
        """Of the hierarchy; empty where it is flat."""

    @property
    def special_use(self) -> SpecialUse | None:
        """RFC 6154."""

    @property
    def selectable(self) -> bool:
        """Whether it can hold messages."""

    @property
    def labelled(self) -> bool:
        """Whether it holds all mail and each message carries its labels (Gmail)."""


def chosen(labels: Labels, folders: Iterable[FolderLike]) -> frozenset[FolderName]:
    """The names of the folders that `labels` selects now (P8).

    Under `all` and `Name/*` a folder made later is selected as soon as the server lists it.
    """
    selectable = [folder for folder in folders if folder.selectable]
    if labels == ALL:
        return frozenset(f.name for f in selectable if f.special_use not in LEFT_OUT_OF_ALL)
    return frozenset(
        folder.name for folder in selectable if any(_matches(label, folder) for label in labels)
    )


SYSTEM_LABELS: Mapping[str, SpecialUse] = {
    "\\inbox": SpecialUse.INBOX,
    "\\sent": SpecialUse.SENT,
    "\\draft": SpecialUse.DRAFTS,
    "\\drafts": SpecialUse.DRAFTS,
    "\\starred": SpecialUse.FLAGGED,
    "\\important": SpecialUse.IMPORTANT,
    "\\trash": SpecialUse.TRASH,
    "\\junk": SpecialUse.JUNK,
    "\\spam": SpecialUse.JUNK,
}
"""Gmail's own labels, in lower case, by the folder that shows each (Gmail IMAP extensions,
X-GM-LABELS)."""


def label_names(carried: Iterable[str], folders: Iterable[FolderLike]) -> frozenset[FolderName]:
    """What X-GM-LABELS gives, as the names that people see in the list of labels.

    A system label whose folder is not shown in IMAP is left out: nobody could choose it.
    """
    by_use = {folder.special_use: folder.name for folder in folders}
    names = set()
    for one in carried:
        if not one.startswith("\\"):
            names.add(FolderName(one))
        elif (use := SYSTEM_LABELS.get(one.lower())) in by_use:
            names.add(by_use[use])
    return frozenset(names)


_BESIDE_ALL_MAIL = frozenset({SpecialUse.JUNK, SpecialUse.TRASH})
"""What Gmail's All Mail does not hold."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a choice of labels takes from the folders that there are."""

    folders: frozenset[FolderName]
    """To be synced: those chosen, or on Gmail the one that holds all mail."""
    labels: Labels
    listed: tuple[FolderLike, ...]

    @classmethod
    def of(cls, labels: Labels, folders: Iterable[FolderLike]) -> Selection:
        """Of Gmail's labels each message is fetched once, out of All Mail (P14)."""
        listed = tuple(folders)
        names = chosen(labels, listed)
        all_mail = next((one for one in listed if one.labelled and one.selectable), None)
        if all_mail is not None:
            beside = {one.name for one in listed if one.special_use in _BESIDE_ALL_MAIL}
            names = names & beside | ({all_mail.name} if names - beside else set())
        return cls(names, labels, listed)

    def takes(self, folder: FolderLike, carried: Iterable[str] = ()) -> bool:
        """Whether a message of `folder` that carries these labels is chosen."""
        if folder.name not in self.folders:
            return False
        if not folder.labelled:
            return True
        names = label_names(carried, self.listed)
        if self.labels == ALL:
            return not names & {f.name for f in self.listed if f.special_use in LEFT_OUT_OF_ALL}
        return any(
            _matches(label, folder) or any(_names(label, name, folder.separator) for name in names)
            for label in self.labels
        )


def checked_labels(labels: Labels, folders: Sequence[FolderLike]) -> Labels:
    """The same choice, spelled as the server spells it and without repetition.

    Raises RuleRefused for an empty list, and for a label that does not exist, with the nearest
    names that do.
    """
    if labels == ALL:
        return ALL
    if not labels:
        raise RuleRefused("No label is named: send labels: all, or at least one label.")
    return tuple(dict.fromkeys(_checked_label(label, folders) for label in labels))


def _checked_label(label: str, folders: Sequence[FolderLike]) -> str:
    if _subtree_of(label) is not None:
        if any(_matches(label, folder) or _is_root(label, folder) for folder in folders):
            return label
    else:
        for folder in folders:
            if _matches(label, folder):
                if not folder.selectable:
                    raise RuleRefused(
                        f"{folder.name} only holds other folders: send {folder.name}"
                        f"{folder.separator}* for all of them."
                    )
                return folder.name
    names = [folder.name for folder in folders if folder.selectable]
    raise RuleRefused(f"There is no label {label!r} here. {_nearest(label, names)}")


def _nearest(label: str, names: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(label.casefold(), list(folded), n=3, cutoff=0.5)
    if near:
        return "The nearest: " + ", ".join(folded[one] for one in near) + "."
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"There are: {shown}."


def _matches(label: str, folder: FolderLike) -> bool:
    return _names(label, folder.name, folder.separator)


def _names(label: str, name: FolderName, separator: str) -> bool:
    root = _subtree_of(label)
    if root is None:
        # RFC 3501 5.1: INBOX is the one name without regard to case.
        return label == name or (label.upper() == "INBOX" == name.upper())
    return bool(separator) and name.startswith(root + separator)


def _is_root(label: str, folder: FolderLike) -> bool:
    return folder.name == _subtree_of(label)


def _subtree_of(label: str) -> str | None:
    """`Name` for `Name/*` (or the server's own separator before the star), else None."""
    return (
        label[:-2] if len(label) > 2 and label.endswith("*") and not label[-2].isalnum() else None
    )
