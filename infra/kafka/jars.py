"""The broker's jars, brought by Maven into ``.cache/kafka`` of the repository, and their archive."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "kafka"
LIBS = CACHE / "libs"

HOW_TO_GET_ONE = "no Kafka broker to be had: `make kafka` fetches one (it needs Java 17 and Maven)"


class JarsMissing(Exception):
    """There is no broker and none can be fetched; the message says what helps."""


def are_here() -> bool:
    """Whether a broker can be started."""
    return shutil.which("java") is not None and any(LIBS.glob("kafka_2.13-*.jar"))


def fetch() -> None:
    """Bring the jars, where they are not here; any number of processes may ask at once.

    JarsMissing without Java or Maven; CalledProcessError where Maven fails, which says why on standard error.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if are_here():
            return
        maven = shutil.which("mvn")
        if maven is None or shutil.which("java") is None:
            raise JarsMissing(HOW_TO_GET_ONE)
        fresh = CACHE / "libs.part"
        shutil.rmtree(fresh, ignore_errors=True)
        copy = [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*copy, f"-DoutputDirectory={fresh}"], check=True)
        fresh.rename(LIBS)


@cache
def archive() -> Path:
    """Where the class-data archive of this JDK and these jars lies, once a broker wrote it on its way out."""
    java = subprocess.run(["java", "-version"], capture_output=True, check=True).stderr
    jars = "\n".join(sorted(jar.name for jar in LIBS.iterdir()))
    return CACHE / f"classes-{hashlib.sha256(java + jars.encode()).hexdigest()[:12]}.jsa"
