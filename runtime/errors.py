"""The base of every error that a user's mistake or a user's computer causes."""

from __future__ import annotations


class DinarError(ValueError):
    """Something outside the program is wrong: a file, a message, a flag, a device.

    The message is one sentence for a person: what was expected, what came, what to do. The command line
    prints it without a traceback and exits 1.
    """


class UsageError(DinarError):
    """Flags that do not go together; the command line exits 2."""
