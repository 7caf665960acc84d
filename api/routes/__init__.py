"""Every router. Paths are looked for in this order, so what is asked often stands first."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    ab_tests,
    bulk,
    campaign_list,
    campaign_moves,
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
    figures.router,
    campaign_moves.router,
    campaigns.router,
    campaign_list.router,
    bulk.router,
    history.router,
    facts.router,
    ab_tests.router,
    projections.router,
    rebuilds.router,
    jobs.router,
    parked.router,
    health.router,
)
