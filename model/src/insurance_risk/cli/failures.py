"""How failures end a command: one line on standard error and an exit code."""

from typing import Final

import click

EXIT_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2


class BadInput(click.ClickException):
    """Input that cannot be worked with: exit code 2."""

    exit_code = EXIT_BAD_INPUT


class Failed(click.ClickException):
    """A check or a run that failed: exit code 1."""

    exit_code = EXIT_FAILED
