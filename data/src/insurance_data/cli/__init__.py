"""The command `insurance-data`."""

from insurance_data.cli.group import main

__all__ = ["main"]
