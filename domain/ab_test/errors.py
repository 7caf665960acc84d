"""What a test refuses, besides moves that its status does not allow."""

from __future__ import annotations

from domain.shared.errors import Conflict


class NoWinnerYet(Conflict):
    """The figures name no winner; name a variant to apply it all the same."""


class WinnerAlreadyDeclared(Conflict):
    """This winner has been declared already."""


class WinnerAlreadyApplied(Conflict):
    """A winner has been applied already."""


class VariantsFixed(Conflict):
    """Once a test has started its variants stay, with their names and their control; only shares may
    change."""


class NotAutomatic(Conflict):
    """This test does not apply its winner by itself."""


class NoBandit(Conflict):
    """The shares of this test do not follow its figures."""


class NotStarted(Conflict):
    """Nobody is assigned before the test has started."""


class CampaignHasLiveTest(Conflict):
    """This campaign has another test that has not ended."""


class CampaignTakesNoTest(Conflict):
    """A campaign that has ended, is archived or deleted takes no test."""


class CampaignNotActive(Conflict):
    """A test starts when its campaign is active; launch the campaign, and its test starts with it."""


class VariantsTaken(Conflict):
    """An earlier test of this campaign has facts under this variant's name; take another."""


class PlannedLater(Conflict):
    """This test was planned after what happened to its campaign, and does not follow from it."""
