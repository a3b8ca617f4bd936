"""Accounts as living things: one task each, and the desk where people's wishes arrive.

`onboarding` turns an address and a login into an account, `supervisor` owns the tasks,
`account` is the loop of one, `desk` is what the API calls.
"""

from __future__ import annotations
