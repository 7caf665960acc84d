"""Clients that go on whatever happens, as careful ones do: what is in doubt is sent again, the same, under its id."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from tests.faults.canaries import CANARIES, Anywhere, Watched
from tests.faults.facts import Facts
from tests.faults.journal import Journal, Promise, written
from tests.support.campaigns import a_document
from tests.support.client import Answer, NoReply

PATIENCE = 90.0
"""Seconds after which a request that nobody answers is a broken promise."""
AGAIN = 0.05


class Clients:
    """Threads that load the product until ``stop``; ``broken`` is set where one found something it can't go on from."""

    def __init__(self, journal: Journal, keys: list[str], apis: list[str], *, seed: int) -> None:
        self.journal = journal
        self.campaigns: list[list[str]] = []
        self.broken = threading.Event()
        self._ending = threading.Event()
        self._seed = seed
        self._apis = apis
        self._keys = keys
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Draft three campaigns for each workspace, then start everybody."""
        for workspace in range(len(self._keys)):
            user = self._user(workspace, "drafts")
            self.campaigns.append([self._drafted(user, f"draft-{number}") for number in range(3)])
        for workspace in range(len(self._keys)):
            for number, most in enumerate((1, 40, 120)):
                self._start(self._track, workspace, number, most)
            self._start(self._change, workspace)
            self._start(self._pause_and_resume, workspace)
            self._start(self._schedule, workspace)
            self._start(self._read, workspace)

    def stop(self) -> None:
        """Ask everybody to finish what is in doubt, and wait for it."""
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE + 30)
            if thread.is_alive():
                self.journal.complain("I7", f"{thread.name} is still waiting for an answer")

    def _start(self, do: Callable[..., None], workspace: int, *more: Any) -> None:
        name = f"{do.__name__.strip('_')} {workspace} {more}"
        thread = threading.Thread(target=self._guarded, args=(do, workspace, *more), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, do: Callable[..., None], workspace: int, *more: Any) -> None:
        user = self._user(workspace, f"{do.__name__}{more}")
        try:
            do(user, *more)
        except Exception as error:
            self.journal.complain("I7", f"{threading.current_thread().name}: {type(error).__name__}: {error}")
            self.broken.set()

    def _user(self, workspace: int, name: str) -> Anywhere:
        choose = random.Random(f"{self._seed} {workspace} {name}")
        users = [Watched(url, self._keys[workspace], workspace, self.journal) for url in self._apis]
        return Anywhere(users, choose.choice)

    def _track(self, user: Anywhere, number: int, most: int) -> None:
        """Facts, one by one or in batches of up to ``most``."""
        campaigns = self.campaigns[user.workspace][: 2 if number else 1]
        facts = Facts(user.workspace, campaigns, f"{number}", seed=self._seed * 100 + number)
        while not self._ending.is_set():
            told = facts.some(most)
            if most == 1:
                body: Any = written(told[0])
                answer = self._until_done(lambda: user().post("/v1/track", body))  # noqa: B023
            else:
                body = {"facts": [written(fact) for fact in told]}
                answer = self._until_done(lambda: user().post("/v1/track/batch", body))  # noqa: B023
            said = answer.ok().body
            if said["rejected"] or said["accepted"] + said["duplicates"] != len(told):
                self.journal.complain("I1", f"{len(told)} good facts are answered {answer!r}")
            self.journal.acknowledged(told)
            self._ending.wait(0.01 if most > 1 else 0.02)

    def _change(self, user: Anywhere) -> None:
        """Patches, each under its key."""
        campaign, number = self.campaigns[user.workspace][0], 0
        while not self._ending.is_set():
            number += 1
            patch = {"tags": [CANARIES[user.workspace], str(number)]}
            self._command(user, campaign, partial(_patch, f"/v1/campaigns/{campaign}", patch), f"change-{number}")
            self._ending.wait(0.05)

    def _pause_and_resume(self, user: Anywhere) -> None:
        """Moves on the campaign that the patches go to as well."""
        campaign, number = self.campaigns[user.workspace][0], 0
        self._command(user, campaign, partial(_post, f"/v1/campaigns/{campaign}/launch", None), "launch")
        while not self._ending.is_set():
            number += 1
            for move in ("pause", "resume"):
                path = f"/v1/campaigns/{campaign}/{move}"
                self._command(user, campaign, partial(_post, path, None), f"{move}-{number}")
                self._ending.wait(0.1)

    def _schedule(self, user: Anywhere) -> None:
        """Campaigns that are due a few seconds later. A time that has passed by the answer's clock is refused."""
        choose, number = random.Random(f"{self._seed} {user.workspace} due"), 0
        while not self._ending.is_set():
            number += 1
            campaign = self._drafted(user, f"due-{number}")
            starts = datetime.now(UTC) + timedelta(seconds=choose.uniform(1.5, 5))
            ends = starts + timedelta(seconds=choose.uniform(0.5, 4))
            body = {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}
            path = f"/v1/campaigns/{campaign}/schedule"
            answer = self._until_done(lambda: user().post(path, body, key=f"schedule-{number}"))  # noqa: B023
            if answer.status == 422:
                self.journal.count("schedules refused: past by the clock of the api")
            else:
                answer.ok()
                self.journal.accepted(user.workspace, campaign)
                self.journal.promised(Promise(user.workspace, campaign, starts, ends))
            self._ending.wait(0.5)

    def _read(self, user: Anywhere) -> None:
        """Own writes: what was acknowledged before a position was given is in the figures read after it."""
        while not self._ending.is_set():
            self._ending.wait(0.2)
            for campaign in self.campaigns[user.workspace][:2]:
                probe = Facts(user.workspace, [campaign], f"probe-{campaign}-{time.monotonic_ns()}", seed=0).exposure()
                least = self.journal.exposures(user.workspace, campaign) + 1
                answer = self._until_done(lambda: user().post("/v1/track", written(probe)))  # noqa: B023
                self.journal.acknowledged([probe])
                position = answer.ok().body["position"]
                try:
                    found = user().get(f"/v1/campaigns/{campaign}/metrics", after=position, wait=5)
                except NoReply:
                    continue
                if found.status == 200:
                    self.journal.count("reads after own writes")
                    if found.body["total"]["exposures"] < least:
                        self.journal.complain("I2", f"a read after own writes lacks some of {least}: {found!r}")
                elif found.status != 503:
                    self.journal.complain("I2", f"a read after own writes is answered {found!r}")

    def _drafted(self, user: Anywhere, key: str) -> str:
        document = a_document(name=f"{CANARIES[user.workspace]} {key}")
        answer = self._until_done(lambda: user().post("/v1/campaigns", document, key=key))
        campaign = str(answer.ok(201).body["id"])
        self.journal.accepted(user.workspace, campaign)
        return campaign

    def _command(self, user: Anywhere, campaign: str, ask: Callable[[str, Watched], Answer], key: str) -> None:
        """One command until it is accepted. A race lost too often is an answer that its key keeps: another key asks
        again."""
        for race in count():
            answer = self._until_done(lambda: ask(f"{key}-{race}", user()))  # noqa: B023
            if answer.status != 409:
                break
            self.journal.count("races lost")
        answer.ok()
        self.journal.accepted(user.workspace, campaign)

    def _until_done(self, ask: Callable[[], Answer]) -> Answer:
        """Ask until there is a decision. Answers that say `again` and lost replies are followed by the same again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = ask()
            except NoReply as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"no answer for {PATIENCE:.0f} s: {error}") from error
            else:
                conflict = answer.status == 409 and not _lost_race(answer)
                if not (conflict or answer.status == 429 or answer.status >= 500):
                    return answer
                if time.monotonic() > deadline:
                    raise AssertionError(f"no other answer for {PATIENCE:.0f} s than {answer!r}")
            time.sleep(AGAIN)


def _lost_race(answer: Answer) -> bool:
    return str(answer.body["type"]).endswith("/version-conflict")


def _patch(path: str, patch: Any, key: str, client: Watched) -> Answer:
    return client.patch(path, patch, key=key)


def _post(path: str, body: Any, key: str, client: Watched) -> Answer:
    return client.post(path, body, key=key)
