"""What the tables must hold by the log alone: its records are read one campaign at a time, and folded by plain loops.

Written without the folds' SQL, for logs that are too large to be kept as what was told.
"""

from tests.bench.log_oracle.campaigns import look_at_campaigns
from tests.bench.log_oracle.evidence import look_at_evidence
from tests.bench.log_oracle.metrics import look_at_metrics

__all__ = ["look_at_campaigns", "look_at_evidence", "look_at_metrics"]
