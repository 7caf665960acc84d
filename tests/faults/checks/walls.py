"""I6: no workspace sees what is another's, in answers, rows or logs; and what is personal or secret is in no log."""

from __future__ import annotations

from tests.faults.canaries import CANARIES
from tests.faults.checks.seen import Broken, Seen

_CROSSED = {
    "facts of a campaign of another workspace": """
        select count(*) from ballyhoo.facts f join ballyhoo.streams s on s.stream = f.campaign
         where s.workspace <> f.workspace""",
    "events of a stream of another workspace": """
        select count(*) from ballyhoo.events e join ballyhoo.streams s using (stream)
         where s.workspace <> e.workspace""",
    "due work of a stream of another workspace": """
        select count(*) from ballyhoo.due_work d join ballyhoo.streams s using (stream)
         where s.workspace <> d.workspace""",
    "contacts of facts of another workspace": """
        select count(*) from ballyhoo.facts f join ballyhoo.contact_ids c using (contact)
         where c.workspace <> f.workspace""",
}
_WORDS = "select count(*) from ballyhoo.facts where workspace = %s and id like %s"


def walls_stand(seen: Seen) -> list[Broken]:
    """I6."""
    broken = [Broken("I6", sentence) for sentence in seen.journal.crossed[:5]]
    for what, statement in _CROSSED.items():
        if many := seen.number(statement):
            broken.append(Broken("I6", f"{many} {what}"))
    for number, word in zip(seen.numbers, reversed(CANARIES), strict=True):
        if many := seen.number(_WORDS, number, f"{word}%"):
            broken.append(Broken("I6", f"{many} facts of {word} stand in workspace {number}"))
    secrets = [*seen.keys, *(f"{word}-contact" for word in CANARIES)]
    for log in (*seen.house.logs(), seen.house.postgres.data / "postgres.log"):
        text = log.read_text(errors="replace")
        broken += [Broken("I6", f"{log.name} holds {secret[:20]}…") for secret in secrets if secret in text]
        both = sum(all(word in line for word in CANARIES) for line in text.splitlines())
        if both:
            broken.append(Broken("I6", f"{both} lines of {log.name} speak of both workspaces"))
    return broken
