"""What is wrong with what somebody gave: one line, and exit code 2."""


class BadInput(Exception):
    """The line names the file or argument, the field, and what was expected."""
