"""What a test refuses, besides moves that its status does not allow."""

from __future__ import annotations

from domain.shared.errors import Conflict


class NoWinnerYet(Conflict):
    """The figures name no winner; name a variant to apply it all the same."""


class WinnerAlreadyDeclared(Conflict):
    """This winner has been declared already."""


class WinnerAlreadyApplied(Conflict):
    """A winner has been applied already."""


class UnknownVariant(Conflict):
    """The test has no variant of this name."""


class VariantsFixed(Conflict):
    """Once a test has started its variants stay, with their names and their control; only shares may
    change."""


class NotAutomatic(Conflict):
    """This test does not apply its winner by itself."""


class NoBandit(Conflict):
    """The shares of this test do not follow its figures."""


class NotStarted(Conflict):
    """Nobody is assigned before the test has started."""
