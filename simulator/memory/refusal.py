"""The one error for what AWS would refuse however often it is tried."""


class Refused(ValueError):
    """AWS answers this call with a validation or access error; it is wrong in the caller, no retry helps."""
