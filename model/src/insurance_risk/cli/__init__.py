"""The command ``insurance-risk``; heavy libraries are imported by the command that needs them."""

from insurance_risk.cli.group import main

__all__ = ["main"]
