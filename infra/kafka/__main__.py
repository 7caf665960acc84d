"""``make kafka``: a broker for development on 127.0.0.1:9092 until ctrl-C; its jars are fetched first."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from infra.kafka.broker import Broker, BrokerError
from infra.kafka.jars import CACHE, JarsMissing, fetch


def main() -> int:
    """0 after ctrl-C, 1 with one sentence where there is no broker to be had."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        fetch()
        with Broker(CACHE / "development", port=9092) as broker:
            print(
                f"Apache Kafka {broker.version} on {broker.bootstrap}: BALLYHOO_KAFKA={broker.bootstrap}",
                flush=True,
            )
            while broker.pid is not None:
                time.sleep(0.5)
        print(f"The broker ended; see {broker.log}.", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    except (BrokerError, JarsMissing, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
