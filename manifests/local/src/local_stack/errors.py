"""What can go wrong with the stack, each with the exit code that tells a script so."""


class StackError(Exception):
    """A reason to stop that is told to the user in one line."""

    exit_code = 1


class UsageError(StackError):
    """What was asked for cannot be done: a bad option, a port in use, a missing tool, unreadable data."""

    exit_code = 2


class ProcessDied(StackError):  # noqa: N818 - it names what happened
    """A process of the stack ended although nobody stopped it."""

    exit_code = 3
