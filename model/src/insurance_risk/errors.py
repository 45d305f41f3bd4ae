"""What can go wrong outside the serving path, as exceptions whose text a person can act on."""


class InsuranceRiskError(Exception):
    """Base of the errors that the command line reports in one line, with exit code 2."""


class ProfileError(InsuranceRiskError):
    """A reference profile is missing, malformed or does not match its own digest."""


class BundleError(InsuranceRiskError):
    """A bundle folder is missing, incomplete, altered, or names types that must not be loaded."""


class ScorecardError(InsuranceRiskError):
    """The points table is malformed: a gap, an overlap, an unknown feature."""


class TrainingDataError(InsuranceRiskError):
    """The data set cannot be trained on: a file, a column or a class is missing."""
