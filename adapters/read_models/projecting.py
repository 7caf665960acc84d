"""One projection in one process: batch after batch, each with its checkpoints in one transaction."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from adapters.archive.batches import BeyondTheHorizon
from adapters.archive.file import Damaged
from adapters.event_store.codec import UnknownTopic
from adapters.read_models import folds, parking
from adapters.read_models.checkpoints import Fenced, Span, move
from adapters.read_models.leases import Leases, connect
from adapters.read_models.rebuild.places import LOCK, Place, live, search
from adapters.read_models.schemas import identity
from adapters.read_models.source import Source
from projections.projection import Projection

SMALLEST, LARGEST = 500, 20_000
"""Positions in a batch: it grows while the projection is behind."""
IDLE = 0.005
"""Seconds between two looks at the head of the log."""
LOOK_WHILE_STOPPED = 1.0
"""Seconds between two looks whether a rebuild has mended what stopped."""
MOST_IN_A_ROW = 5
"""So many records may be parked one after the other; one more stops the projection."""

log = structlog.get_logger("projector")

# Only what this process holds by the database's clock, and only under the epoch that stands.
_HELD = """
select c.part, c.high from checkpoints c
  join ballyhoo.leases l on l.name = 'projector:' || c.part and l.owner = %s and l.until > clock_timestamp()
 where c.log = %s and c.epoch = (select epoch from ballyhoo.epochs order by began_at desc limit 1)
"""

# A checkpoint of an earlier epoch holds as far as that epoch reached.
_ADOPT = """
with latest as (select epoch from ballyhoo.epochs order by began_at desc limit 1),
reached as (
  select c.log, c.part,
      min(case c.log when 'events' then later.events_position else later.engagement_position end) as most
    from checkpoints c
    join ballyhoo.epochs own on own.epoch = c.epoch
    join ballyhoo.epochs later on later.began_at > own.began_at
   where c.epoch <> (select epoch from latest) group by c.log, c.part
)
update checkpoints c set epoch = (select epoch from latest), kafka_offset = null
  from reached r where c.log = r.log and c.part = r.part and c.high <= r.most
"""
_FOREIGN = """
select count(*) from checkpoints
 where epoch <> (select epoch from ballyhoo.epochs order by began_at desc limit 1)
"""

_LOCK = f"select pg_advisory_xact_lock_shared({LOCK})"


class Stopped(Exception):
    """This projection can't go on; people have to look."""


class Projecting:
    """Folds one projection for as long as its process runs."""

    def __init__(
        self, dsn: str, projection: Projection, source: Source, leases: Leases, place: Place | None = None
    ) -> None:
        self.projection = projection
        self.place = place or live(projection)
        self._schema_id: int | None = None
        self._dsn = dsn
        self.source = source
        self._leases = leases
        self._size = SMALLEST
        self._poisoned = 0
        self._state = "starting"
        self._error: str | None = None

    def status(self) -> dict[str, Any]:
        """What is going on: ``state`` (starting, running, standing by, waiting, stopped) and the last error, which
        stays after something was parked."""
        own = {"state": self._state, "source": self.source.name, "error": self._error}
        return own | self.source.status()

    def run(self, stop: threading.Event) -> None:
        """Fold until ``stop`` is set. Whatever passes by itself is tried again; the rest stops this
        projection."""
        pause = 0.05
        while not stop.is_set():
            try:
                with connect(self._dsn, self.place.name, statement_timeout_ms=120_000) as connection:
                    self.begin(connection)
                    pause = 0.05
                    self._work(connection, stop)
            except (psycopg.OperationalError, Damaged) as error:
                self._say("waiting", str(error).strip())
                stop.wait(pause)
                pause = min(pause * 2, 2.0)
            except Exception as error:
                self._say("stopped", f"{type(error).__name__}: {error}")
                log.exception("projection_stopped", projection=self.place.name)
                self._wait_for_other_tables(stop)
        self.source.close()

    def begin(self, connection: Connection[Any]) -> None:
        """Ready a connection for steps. Stopped where the store lost what the tables know."""
        connection.execute("select ballyhoo.current_epoch()")  # of a restored store nobody else may have asked yet
        search(connection, self.place.live)
        self._schema_id = identity(connection, self.place.live)
        folds.prepare(connection, self.projection)
        self._adopt(connection)

    def _adopt(self, connection: Connection[Any]) -> None:
        """Take the checkpoints into the epoch that stands. Stopped where they reach beyond its beginning."""
        connection.execute(_ADOPT)
        if connection.execute(_FOREIGN).fetchone() != (0,):
            raise Stopped("The tables know more than the restored store: rebuild this projection.")

    def _wait_for_other_tables(self, stop: threading.Event) -> None:
        """What stopped goes on by itself once a rebuild has put other tables in the place of these."""
        while not stop.wait(LOOK_WHILE_STOPPED):
            try:
                with connect(self._dsn, self.place.name, statement_timeout_ms=5000) as connection:
                    if identity(connection, self.place.live) != self._schema_id:
                        self._state, self._poisoned = "starting", 0
                        return
            except psycopg.OperationalError:
                continue

    def _work(self, connection: Connection[Any], stop: threading.Event) -> None:
        while not stop.is_set():
            parts = self._leases.held
            if not parts:
                self._say("standing by")
                stop.wait(IDLE)
            elif self.source.ready(connection, self.projection.log, parts, IDLE):
                if not self.step(connection):
                    stop.wait(IDLE)
            else:
                self._say("running")

    def step(self, connection: Connection[Any]) -> bool:
        """One batch; whether there may be more. What can't be folded makes the next batch smaller, down to
        the one record, which is parked."""
        spans: list[Span] = []
        try:
            with connection.transaction():
                connection.execute(_LOCK, (self.place.lock,))
                spans = self._next(connection)
                if not spans:
                    return False
                count = folds.apply(connection, self.projection, self.source, spans)
                move(connection, self.projection.log, spans)
        except Fenced:
            self._fenced()
            return True
        except (UnknownTopic, Stopped, Damaged, BeyondTheHorizon):
            raise
        except Exception as error:
            if connection.broken:
                raise psycopg.OperationalError(str(error)) from error
            if isinstance(error, psycopg.OperationalError):
                self._size = max(self._size // 2, SMALLEST)
                raise
            if not spans:
                raise
            self._narrow(connection, spans, error)
            return True
        if count:
            self._poisoned = 0
        self._say("running")
        self._size = min(self._size * 2, LARGEST) if _length(spans) >= self._size else SMALLEST
        return True

    def _next(self, connection: Connection[Any]) -> list[Span]:
        held = dict(connection.execute(_HELD, (self._leases.owner, self.projection.log)).fetchall())
        if not held:  # leases just lost, or an epoch that began meanwhile
            self._adopt(connection)
        return self.source.spans(connection, self.projection.log, held, self._size)

    def _narrow(self, connection: Connection[Any], spans: list[Span], error: Exception) -> None:
        length = _length(spans)
        if length > 1:
            # By the size that was asked for too: a record of Kafka is taken whole, however long it is.
            self._size = max(min(self._size, length) // 2, 1)
            return
        if self._poisoned == MOST_IN_A_ROW:
            most = MOST_IN_A_ROW + 1
            raise Stopped(f"{most} records in a row can't be folded; the last: {_reason(error)}") from error
        reason = _reason(error)
        try:
            with connection.transaction():
                connection.execute(_LOCK, (self.place.lock,))
                parking.park(connection, self.projection, spans, reason)
                move(connection, self.projection.log, spans)
        except Fenced:
            self._fenced()
            return
        self._poisoned += 1
        self._error = reason
        log.error("parked", projection=self.place.name, position=spans[0].high, reason=reason)

    def _fenced(self) -> None:
        log.warning("fenced", projection=self.place.name, owner=str(self._leases.owner))
        time.sleep(IDLE)

    def _say(self, state: str, error: str | None = None) -> None:
        if state != self._state or error not in (None, self._error):
            tell = log.info if error is None else log.warning
            tell("projection", projection=self.place.name, state=state, error=error)
        if error is not None or (state == "running" and self._state in ("starting", "waiting")):
            self._error = error
        self._state = state


def _reason(error: Exception) -> str:
    """What went wrong; of a database's error the message alone, because its details quote what people wrote."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
    return f"{type(error).__name__}: {said}"


def _length(spans: list[Span]) -> int:
    return max(span.high for span in spans) - min(span.low for span in spans)
