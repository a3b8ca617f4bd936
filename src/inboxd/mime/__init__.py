"""Reading mail: bytes in, frozen values out. Pure, linear in time, and it never raises on mail.

The way of a message: `fields` (header lines) and `structure` (parts) say where things are,
`params`, `words`, `mailboxes`, `transfer` and `charset` say what they mean, `text` and `html` make
a readable body, `parse` puts it together. `people` decides P6 on a header alone; `sanitise` makes
HTML safe to show.
Composing mail is not done here.
"""

from __future__ import annotations
