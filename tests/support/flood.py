"""A client that sends batches of a thousand facts as fast as it is answered: ``python -m tests.support.flood``.

Arguments: address, key, campaign, connections. Runs until it is killed; prints how many facts were taken in.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from itertools import count

from tests.support.client import Client, NoReply

BATCH = 1000


def flood(client: Client, campaign: str, connection: int, taken: list[int], end: threading.Event) -> None:
    """Send until ``end``; a refusal for now is answered by sending again at once, as bad clients do."""
    fact = f'"kind":"impression","campaign_id":"{campaign}"'
    for number in count():
        facts = ",".join(f'{{"id":"{connection}-{number}-{n}",{fact}}}' for n in range(BATCH))
        try:
            answer = client.call("POST", "/v1/track/batch", f'{{"facts":[{facts}]}}'.encode())
        except NoReply:
            continue
        if answer.status == 200:
            taken[connection] += json.loads(answer.content)["accepted"]
        if end.is_set():
            return


def main() -> None:
    """Flood from as many threads as there are connections."""
    url, key, campaign, connections = sys.argv[1:]
    taken = [0] * int(connections)
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    client = Client(url, key)
    floods = [
        threading.Thread(target=flood, args=(client, campaign, number, taken, end))
        for number in range(int(connections))
    ]
    for thread in floods:
        thread.start()
    for thread in floods:
        thread.join()
    print(sum(taken))


if __name__ == "__main__":
    main()
