"""What a destination does with what it is sent, where it does not take it."""


class AwayError(Exception):
    """It cannot be reached, or takes nothing at present; the message is ours, and holds none of its words.

    Attributes:
        after: the seconds that it asks us to wait.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RefusedError(Exception):
    """It answered, and does not take this; the message may hold its words.

    Attributes:
        for_good: whether the same will be refused again.
    """

    def __init__(self, message: str, *, for_good: bool) -> None:
        super().__init__(message)
        self.for_good = for_good
