"""The faults that mail is lost by elsewhere, each met on purpose and ended by the gate."""
