"""The errors of this package; the command line maps them to exit codes in one place."""


class InsuranceDataError(Exception):
    """Base of all errors of this package; the message says what was wrong, where, and what to do."""


class DatasetError(InsuranceDataError):
    """A data set or a file of rows is missing, incomplete or holds values that it must not hold."""


class OutputError(InsuranceDataError):
    """Something cannot be written where it was asked to be."""


class SettingsError(InsuranceDataError):
    """A setting has a value that makes no sense, alone or beside the others."""


class RowsError(InsuranceDataError):
    """A table cannot be sent: a column is missing, not numeric or not finite."""
