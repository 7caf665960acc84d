"""Everything that this product can be asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from application.ab_test.change_ab_test import ChangeABTest, ChangeABTestHandler
from application.ab_test.create_ab_test import CreateABTest, CreateABTestHandler
from application.ab_test.judge_ab_test import JudgeABTest
from application.ab_test.judging import Judging
from application.ab_test.looking import Looking
from application.ab_test.move_ab_test import MoveABTest, MoveABTestHandler
from application.campaign.change_campaign import ChangeCampaign, ChangeCampaignHandler
from application.campaign.draft_campaign import DraftCampaign, DraftCampaignHandler
from application.campaign.duplicate_campaign import DuplicateCampaign, DuplicateCampaignHandler
from application.campaign.move_campaign import MoveCampaign, MoveCampaignHandler
from application.campaign.run_due_work import RunDueWork, RunDueWorkHandler
from application.execution import Executed
from application.ports import CampaignFigures, EventStore, Ids
from application.ports_ab_tests import LiveTests
from application.workspace.create_workspace import CreateWorkspace, CreateWorkspaceHandler
from application.workspace.keys import MakeKey, MakeKeyHandler, RevokeKey, RevokeKeyHandler
from domain.ab_test.ab_test import ABTest
from domain.campaign.campaign import Campaign
from domain.workspace.workspace import Workspace


@dataclass(frozen=True)
class Application:
    """One line for each use case; call it with the command and its context."""

    # campaigns
    draft_campaign: Executed[DraftCampaign, Campaign]
    change_campaign: Executed[ChangeCampaign, Campaign]
    move_campaign: Executed[MoveCampaign, Campaign]
    duplicate_campaign: Executed[DuplicateCampaign, Campaign]
    run_due_work: Executed[RunDueWork, Campaign]
    # A/B tests
    create_ab_test: Executed[CreateABTest, ABTest]
    change_ab_test: Executed[ChangeABTest, ABTest]
    move_ab_test: Executed[MoveABTest, ABTest]
    judge_ab_tests: Judging
    # workspaces
    create_workspace: Executed[CreateWorkspace, Workspace]
    make_key: Executed[MakeKey, Workspace]
    revoke_key: Executed[RevokeKey, Workspace]


def assemble(
    store: EventStore, ids: Ids, figures: CampaignFigures, live: LiveTests, looking: Looking
) -> Application:
    """The application on these adapters."""
    return Application(
        draft_campaign=Executed(DraftCampaignHandler(store, ids)),
        change_campaign=Executed(ChangeCampaignHandler(store)),
        move_campaign=Executed(MoveCampaignHandler(store, figures)),
        duplicate_campaign=Executed(DuplicateCampaignHandler(store, ids)),
        run_due_work=Executed(RunDueWorkHandler(store, figures)),
        create_ab_test=Executed(CreateABTestHandler(store, ids, live)),
        change_ab_test=Executed(ChangeABTestHandler(store)),
        move_ab_test=Executed(MoveABTestHandler(store, live, looking)),
        judge_ab_tests=Judging(JudgeABTest(store, looking, looking.statistics)),
        create_workspace=Executed(CreateWorkspaceHandler(store)),
        make_key=Executed(MakeKeyHandler(store)),
        revoke_key=Executed(RevokeKeyHandler(store)),
    )
