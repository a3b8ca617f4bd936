"""Modified UTF-7 (RFC 3501 5.1.3) by another way than inboxd's: through Python's own UTF-7."""

from __future__ import annotations

from itertools import groupby


def to_wire(name: str) -> str:
    """A folder name as it is sent, without quotes."""
    wire = ""
    for plain, run in groupby(name, key=lambda character: 0x20 <= ord(character) <= 0x7E):
        characters = "".join(run)
        if plain:
            wire += characters.replace("&", "&-")
        else:
            # `+…-` of UTF-7 with `/` spelled `,` and the shift spelled `&`.
            shifted = characters.encode("utf-7").decode("ascii")
            wire += "&" + shifted[1:].rstrip("-").replace("/", ",") + "-"
    return wire


def from_wire(wire: str) -> str:
    """A folder name for people."""
    name, rest = "", wire
    while "&" in rest:
        plain, _, rest = rest.partition("&")
        shifted, _, rest = rest.partition("-")
        name += plain
        name += (
            f"+{shifted.replace(',', '/')}-".encode("ascii").decode("utf-7") if shifted else "&"
        )
    return name + rest
