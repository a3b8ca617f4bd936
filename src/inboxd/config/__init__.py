"""The operator's configuration: what there is to set (`model`) and how it is read (`load`).

What people choose (conditions, settings) is not here: it lives in the database.
"""

from __future__ import annotations
