"""The recorder cases of the eventsourcing library.

Its module of cases also tests ciphers and imports one that needs a package we have no use for; the library's
other cipher stands in while it is imported.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

import eventsourcing.cryptography

with patch.dict(sys.modules, {"eventsourcing.cipher": eventsourcing.cryptography}):
    from eventsourcing.tests import persistence

ApplicationRecorderTestCase = persistence.ApplicationRecorderTestCase
NonInterleavingNotificationIDsBaseCase = persistence.NonInterleavingNotificationIDsBaseCase
