"""What can be known: every projection."""

from __future__ import annotations

from projections.ab_evidence import AB_EVIDENCE
from projections.ab_test_list import AB_TEST_LIST
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.projection import Projection

CATALOGUE: tuple[Projection, ...] = (CAMPAIGN_LIST, CAMPAIGN_METRICS, AB_TEST_LIST, AB_EVIDENCE)
