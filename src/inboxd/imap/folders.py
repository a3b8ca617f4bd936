"""Folder names between people and the wire, and what a folder is for. Pure."""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterable

from inboxd.model.errors import BadInput
from inboxd.model.ids import FolderName, WireName
from inboxd.model.server import SpecialUse


def decode_name(wire: bytes) -> FolderName:
    """Decode modified UTF-7 (RFC 3501 5.1.3) for people to read.

    What is no valid modified UTF-7 (raw UTF-8 of servers that never learned it) is read as
    UTF-8 where it is that, else byte by byte: a name must never make a folder unusable, and the
    wire name stays its key.
    """
    try:
        text = _decode_utf7(wire.decode("ascii"))
    except (UnicodeError, binascii.Error):
        text = wire.decode("utf-8", "replace")
    return FolderName(text.replace("\0", "\ufffd"))


def _decode_utf7(text: str) -> str:
    pieces = text.split("&")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        shifted, dash, rest = piece.partition("-")
        if not dash:
            raise UnicodeError("a shift without its end")
        decoded.append(_unshift(shifted) if shifted else "&")
        decoded.append(rest)
    return "".join(decoded)


def _unshift(shifted: str) -> str:
    padded = shifted.replace(",", "/") + "=" * (-len(shifted) % 4)
    text = binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")
    if "\0" in text:
        raise UnicodeError("NUL in a name")
    return text


def encode_name(name: str) -> WireName:
    """Encode a name as modified UTF-7 (RFC 3501 5.1.3)."""
    encoded: list[str] = []
    for printable, other in re.findall(r"([\x20-\x7e]+)|([^\x20-\x7e]+)", name):
        if printable:
            encoded.append(printable.replace("&", "&-"))
        else:
            packed = binascii.b2a_base64(other.encode("utf-16-be"), newline=False).decode()
            encoded.append("&" + packed.rstrip("=").replace("/", ",") + "-")
    return WireName("".join(encoded).encode("ascii"))


def quote(wire: bytes) -> str:
    """A wire name as a quoted string (RFC 3501 9): spaces, stars and quotes stay what they are.

    Raises BadInput for CR, LF and NUL, which would end the command and begin another one.
    """
    if any(control in wire for control in (b"\r", b"\n", b"\0")):
        raise BadInput("A folder name with a line break or NUL cannot be used in IMAP.")
    escaped = wire.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    # surrogateescape gives back the very bytes when the command is encoded.
    return '"' + escaped.decode("utf-8", "surrogateescape") + '"'


_BY_ATTRIBUTE = {
    b"\\all": SpecialUse.ALL,
    b"\\allmail": SpecialUse.ALL,  # XLIST, Gmail before RFC 6154
    b"\\archive": SpecialUse.ARCHIVE,
    b"\\drafts": SpecialUse.DRAFTS,
    b"\\flagged": SpecialUse.FLAGGED,
    b"\\starred": SpecialUse.FLAGGED,  # XLIST
    b"\\important": SpecialUse.IMPORTANT,
    b"\\junk": SpecialUse.JUNK,
    b"\\spam": SpecialUse.JUNK,  # XLIST
    b"\\sent": SpecialUse.SENT,
    b"\\trash": SpecialUse.TRASH,
    b"\\inbox": SpecialUse.INBOX,  # XLIST
}

# What mail programs call these folders where the server does not say (RFC 6154 absent), in
# English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian,
# Finnish, Polish, Czech, Hungarian, Turkish, Russian, Ukrainian, Greek, Japanese and Chinese.
_NAMES: dict[SpecialUse, str] = {
    SpecialUse.SENT: """
        sent|sent items|sent mail|sent messages|sent-mail|sentmail|gesendet|gesendete objekte
        gesendete elemente|gesendete nachrichten|envoyé|envoyés|envoyes|messages envoyés
        éléments envoyés|courrier envoyé|enviado|enviados|elementos enviados|mensajes enviados
        correo enviado|inviato|inviata|posta inviata|elementi inviati|itens enviados
        mensagens enviadas|verzonden|verzonden items|verzonden berichten|skickat|skickade
        skickade objekt|sendt|sendte elementer|sendt post|lähetetyt|lähetetyt viestit|wysłane
        elementy wysłane|odeslané|odeslaná pošta|elküldött|elküldött elemek|gönderilenler
        gönderilmiş öğeler|отправленные|надіслані|απεσταλμένα|送信済み|送信済みアイテム|已发送
        已发送邮件|寄件備份|已傳送""",
    SpecialUse.DRAFTS: """
        draft|drafts|entwurf|entwürfe|brouillon|brouillons|borrador|borradores|bozza|bozze
        rascunho|rascunhos|concept|concepten|utkast|kladde|kladder|luonnos|luonnokset|szkic
        szkice|kopie robocze|wersje robocze|koncept|koncepty|rozepsané|piszkozatok|taslaklar
        черновики|чернетки|πρόχειρα|下書き|草稿|草稿箱""",
    SpecialUse.TRASH: """
        trash|deleted|deleted items|deleted messages|bin|papierkorb|gelöscht|gelöschte objekte
        gelöschte elemente|corbeille|éléments supprimés|papelera|elementos eliminados|cestino
        posta eliminata|elementi eliminati|lixo|lixeira|itens excluídos|prullenbak
        verwijderde items|papperskorg|papperskorgen|borttaget|papirkurv|slettede elementer
        slettet post|slettet|roskakori|poistetut|kosz|elementy usunięte|koš|odstraněná pošta
        kuka|lomtár|törölt elemek|çöp kutusu|silinmiş öğeler|корзина|удаленные|кошик|видалені
        κάδος|ゴミ箱|削除済みアイテム|已删除|已删除邮件|垃圾桶""",
    SpecialUse.JUNK: """
        junk|junk mail|junk e-mail|junk email|spam|bulk mail|spamverdacht|unerwünscht
        indésirable|indésirables|courrier indésirable|correo no deseado|correo basura
        posta indesiderata|lixo eletrônico|lixo eletrónico|ongewenst|ongewenste e-mail
        reclame|skräppost|uønsket|uønsket e-post|søppelpost|roskaposti|wiadomości-śmieci
        nevyžádaná|nevyžádaná pošta|levélszemét|istenmeyen|gereksiz|спам|нежелательная почта
        небажана пошта|ανεπιθύμητα|迷惑メール|垃圾邮件|垃圾郵件""",
    SpecialUse.ARCHIVE: """
        archive|archives|archiv|archivé|archivo|archivio|arquivo|archief|arkiv|arkisto|archiwum
        archív|arşiv|архив|архів|αρχείο|アーカイブ|存档|归档|封存""",
}

_USE_OF_NAME = {
    name.strip(): use
    for use, names in _NAMES.items()
    for line in names.strip().splitlines()
    for name in line.split("|")
}


def special_use(attributes: Iterable[bytes], name: str, separator: str) -> SpecialUse | None:
    """What a folder is for: its attributes tell, else its name.

    A name counts at the top or right below INBOX only: `Projects/Sent` is somebody's own.
    """
    if name.upper() == "INBOX":
        return SpecialUse.INBOX
    for attribute in attributes:
        use = _BY_ATTRIBUTE.get(attribute.lower())
        if use is not None:
            return use
    own = name
    if separator and name.upper().startswith("INBOX" + separator):
        own = name[len("INBOX" + separator) :]
    return _USE_OF_NAME.get(unicodedata.normalize("NFKC", own).casefold().strip())
