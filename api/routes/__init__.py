"""Every router, in the order in which paths are matched."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    ab_tests,
    bulk,
    campaign_list,
    campaigns,
    facts,
    figures,
    health,
    history,
    jobs,
    parked,
    projections,
    rebuilds,
)

CATALOGUE: tuple[APIRouter, ...] = (
    bulk.router,
    campaign_list.router,
    campaigns.router,
    history.router,
    figures.router,
    facts.router,
    ab_tests.router,
    projections.router,
    rebuilds.router,
    jobs.router,
    parked.router,
    health.router,
)
