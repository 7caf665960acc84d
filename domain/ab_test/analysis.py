"""What is asked of the statistics and what they answer, in words of the domain (api.md §6 ``analyse``)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.ab_test.plan import Correction
from domain.ab_test.samples import Sample


class Method(StrEnum):
    """How two arms are compared."""

    Z_POOLED = "z_pooled"
    Z_UNPOOLED = "z_unpooled"
    FISHER = "fisher"
    WELCH = "welch"
    SEQUENTIAL = "sequential"
    GROUP_SEQUENTIAL = "group_sequential"
    BAYESIAN = "bayesian"


class Difference(StrEnum):
    """What ``interval`` is an interval of: variant − control, or (variant − control) / control."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class Alternative(StrEnum):
    """What is held against "no difference"; ``greater`` means that the variant is above the control."""

    TWO_SIDED = "two_sided"
    GREATER = "greater"
    LESS = "less"


class RateInterval(StrEnum):
    """Which interval a single rate gets; ``always_valid`` may be read at any time."""

    WILSON = "wilson"
    WALD = "wald"
    AGRESTI_COULL = "agresti_coull"
    EXACT = "exact"
    ALWAYS_VALID = "always_valid"


class Spending(StrEnum):
    """How the error is spent over planned looks: O'Brien–Fleming type (Lan and DeMets), or α·t² (Kim and
    DeMets)."""

    OBRIEN_FLEMING = "obrien_fleming"
    POWER = "power"


@dataclass(frozen=True)
class BetaPrior:
    """What is believed of each rate beforehand; (1, 1) is every rate alike."""

    alpha: float = 1.0
    beta: float = 1.0


EVEN_PRIOR = BetaPrior()


@dataclass(frozen=True)
class NormalPrior:
    """What is believed of the asked difference beforehand; no variance means: nothing (improper flat)."""

    mean: float = 0.0
    variance: float | None = None


@dataclass(frozen=True)
class Arm:
    """A name with its summary."""

    name: str
    sample: Sample


@dataclass(frozen=True)
class RatioPhase:
    """Contacts counted under one set of shares; several where the shares were changed on the way."""

    observed: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class AnalysisRequest:
    """Arms to compare with ``control``.

    ``phases`` empty: no shares are known, so no sample ratio is judged. ``information`` is for
    group-sequential looks only: the part of the planned size at each look so far, this one last. ``pairs``:
    every pair, not only those with the control. ``rivals``: where an arm leads, compare it with the other
    arms too.
    """

    arms: tuple[Arm, ...]
    control: str
    method: Method = Method.SEQUENTIAL
    phases: tuple[RatioPhase, ...] = ()
    difference: Difference = Difference.ABSOLUTE
    alternative: Alternative = Alternative.TWO_SIDED
    confidence: float = 0.95
    correction: Correction = Correction.HOLM
    prior: BetaPrior | NormalPrior = EVEN_PRIOR
    tuning: float = 5000
    rate_interval: RateInterval = RateInterval.WILSON
    information: tuple[float, ...] = ()
    spending: Spending = Spending.OBRIEN_FLEMING
    winsorise_at: float | None = None
    pairs: bool = False
    rivals: bool = True


Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class ArmFigures:
    """One arm by itself: a rate with its interval, or a mean with its variance (of one contact's value)."""

    name: str
    n: int
    rate: float | None = None
    mean: float | None = None
    variance: float | None = None
    interval: Interval | None = None
    note: str | None = None


@dataclass(frozen=True)
class Comparison:
    """``variant`` held against ``control``. A bound of ``None`` is open; a figure of ``None`` has no answer.

    ``difference`` is absolute, ``relative`` a share of the control; ``interval`` and ``standard_error`` are
    those of the asked one, ``posterior_mean`` too, which takes the prior into account. A p-value is never
    0: one below 2.3e-308 stands at that. ``expected_loss`` is what choosing the variant costs on average if
    it is the worse one, ``expected_loss_control`` the same of the control.
    """

    variant: str
    control: str
    difference: float | None = None
    relative: float | None = None
    interval: Interval | None = None
    standard_error: float | None = None
    statistic: float | None = None
    degrees_of_freedom: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    posterior_mean: float | None = None
    chance_to_beat: float | None = None
    expected_loss: float | None = None
    expected_loss_control: float | None = None
    significant: bool = False
    note: str | None = None

    @property
    def better(self) -> bool:
        """The variant is above the control beyond chance."""
        return self.significant and self.difference is not None and self.difference > 0

    @property
    def worse(self) -> bool:
        """The variant is below the control beyond chance."""
        return self.significant and self.difference is not None and self.difference < 0


@dataclass(frozen=True)
class Overall:
    """Do any of the arms differ at all: chi-square for rates, analysis of variance for means."""

    statistic: float
    degrees_of_freedom: float
    p_value: float
    within: float | None = None


@dataclass(frozen=True)
class EmptyArm:
    """An arm without anybody while another has somebody; ``chance``: how often luck alone leaves it so."""

    name: str
    chance: float


@dataclass(frozen=True)
class SampleRatio:
    """Do the arms' sizes fit their shares. ``ok``: p ≥ 0.001 and no arm is ``empty``."""

    statistic: float | None
    p_value: float | None
    ok: bool
    empty: tuple[EmptyArm, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """The answer. ``formula`` names the choices where references disagree; ``rivals`` compare the leading arm
    with the other arms (``control`` is then the rival)."""

    method: Method
    formula: str
    arms: tuple[ArmFigures, ...]
    comparisons: tuple[Comparison, ...]
    rivals: tuple[Comparison, ...] = ()
    overall: Overall | None = None
    sample_ratio: SampleRatio | None = None
