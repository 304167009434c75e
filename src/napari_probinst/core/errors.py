"""Errors that a user can mend, each a sentence: what is wrong, where, and what to do.

The command line prints them and exits with code 2; the widgets show them as notifications.
Anything else that is raised is a bug.
"""


class ProbinstError(Exception):
    """Base of all errors whose message is meant for the user."""


class InputError(ProbinstError):
    """An image, mask, table or folder can't be used as it is."""


class SessionInUseError(InputError):
    """A session is open for writing elsewhere; it can still be read."""


class ModelError(ProbinstError):
    """A model file is not one of ours, or doesn't fit the image."""


class ConfigError(ProbinstError):
    """A setting is unknown or out of its range."""


class TrainingError(ProbinstError):
    """A training can't go on."""


class OutputError(ProbinstError):
    """A result can't be written."""


class EditRefusedError(ProbinstError):
    """An edit makes no sense here: nothing was changed."""


class CancelledError(ProbinstError):
    """The user asked to stop; what was finished before is kept."""
