"""Why a rebuild stops."""

from __future__ import annotations


class RebuildStopped(Exception):
    """A rebuild can't go on; the message is the sentence for whoever asked. The live tables are as they were."""


class AlreadyRebuilding(RebuildStopped):
    """Another rebuild of this projection is running."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is being rebuilt already; wait for that rebuild, or cancel it.")


class Cancelled(RebuildStopped):
    """Somebody asked for the end of this rebuild."""

    def __init__(self) -> None:
        super().__init__("The rebuild was cancelled; started again, it goes on where it was.")


class Poison(RebuildStopped):
    """A record of the log can't be folded: a rebuild leaves nothing out, so it stops."""

    def __init__(self, name: str, position: int, reason: Exception | str) -> None:
        self.position = position
        words = reason if isinstance(reason, str) else f"{type(reason).__name__}: {reason}".strip()
        super().__init__(f"{name} can't fold the record at position {position}: {words}")
