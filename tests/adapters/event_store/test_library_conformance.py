"""The cases that the eventsourcing library ships for its recorders, run against the product's append."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import library_cases
from tests.support.recorder import BallyhooRecorder

pytestmark = [pytest.mark.postgres, pytest.mark.req("EVT-2")]


class _OnOurDatabase:
    """Each case has a database of its own and lets its connections go."""

    @pytest.fixture(autouse=True)
    def _database(self, fresh_database: str) -> Iterator[None]:
        self._url = fresh_database
        self._recorders: list[BallyhooRecorder] = []
        yield
        for recorder in self._recorders:
            recorder.close()

    def create_recorder(self) -> BallyhooRecorder:
        """A recorder on it."""
        recorder = BallyhooRecorder(self._url)
        self._recorders.append(recorder)
        return recorder


class TestApplicationRecorder(_OnOurDatabase, library_cases.ApplicationRecorderTestCase[BallyhooRecorder]):
    """Insert and select, conflicts, concurrent writers and readers."""


class TestNonInterleavingPositions(_OnOurDatabase, library_cases.NonInterleavingNotificationIDsBaseCase):
    """Two large appends at once have their positions one after the other."""
