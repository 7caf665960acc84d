"""What can be known: every projection."""

from __future__ import annotations

from projections.ab_evidence import AB_EVIDENCE
from projections.ab_test_list import AB_TEST_LIST
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.projection import Projection

UNDER_RULES = (CAMPAIGN_METRICS.name,)
"""Those that can be kept under another rule."""

CATALOGUE: tuple[Projection, ...] = (CAMPAIGN_LIST, CAMPAIGN_METRICS, AB_TEST_LIST, AB_EVIDENCE)
