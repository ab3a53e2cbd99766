"""How long a simulated endpoint takes: a distribution given by the figures people have (mean, percentiles), in ms."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Quantile = Callable[[float], float]

_STANDARD = NormalDist()
_Z95 = _STANDARD.inv_cdf(0.95)
_Z99 = _STANDARD.inv_cdf(0.99)
# inv_cdf is infinite at 0 and 1; a draw never gets nearer to them than this
_OPEN = 1e-12

_CENTRES = ("mean_ms", "p50_ms")
_SPREADS = ("std_ms", "p95_ms", "p99_ms")


class Latency(BaseModel):
    """A distribution of latencies.

    ========================  ==================================================================
    kind                      given by
    ========================  ==================================================================
    ``constant``              ``mean_ms`` or ``p50_ms``; a plain number stands for it
    ``uniform``               ``low_ms`` and ``high_ms``
    ``normal``, ``lognormal``  one of ``mean_ms, p50_ms`` and one of ``std_ms, p95_ms, p99_ms``
    ``exponential``           one of ``mean_ms, p50_ms, p95_ms, p99_ms``
    ========================  ==================================================================

    Args:
        kind: the family.
        mean_ms: arithmetic mean in milliseconds.
        p50_ms: median in milliseconds.
        p95_ms: 95th percentile in milliseconds.
        p99_ms: 99th percentile in milliseconds.
        std_ms: standard deviation in milliseconds.
        low_ms: lower end of a uniform distribution.
        high_ms: upper end of a uniform distribution.
        per_token_ms: added for each token of the answer, in milliseconds.
        max_ms: no latency is longer than this.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["constant", "uniform", "normal", "lognormal", "exponential"] = "constant"
    mean_ms: float | None = Field(default=None, ge=0)
    p50_ms: float | None = Field(default=None, ge=0)
    p95_ms: float | None = Field(default=None, ge=0)
    p99_ms: float | None = Field(default=None, ge=0)
    std_ms: float | None = Field(default=None, ge=0)
    low_ms: float | None = Field(default=None, ge=0)
    high_ms: float | None = Field(default=None, ge=0)
    per_token_ms: float = Field(default=0.0, ge=0)
    max_ms: float | None = Field(default=None, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"kind": "constant", "mean_ms": value}
        return value

    @model_validator(mode="after")
    def _is_determined(self) -> Latency:
        quantile(self)
        return self


def quantile(latency: Latency) -> Quantile:
    """The inverse distribution function: a uniform draw in [0, 1) to milliseconds, without ``per_token_ms``.

    Args:
        latency: the distribution.

    Raises:
        ValueError: if the figures given do not determine a distribution of that kind.
    """
    unlimited = _FAMILIES[latency.kind](latency)
    longest = math.inf if latency.max_ms is None else latency.max_ms
    return lambda draw: min(max(unlimited(min(max(draw, _OPEN), 1 - _OPEN)), 0.0), longest)


def _constant(latency: Latency) -> Quantile:
    _, value = _the_one(latency, _CENTRES, _SPREADS)
    return lambda _draw: value


def _uniform(latency: Latency) -> Quantile:
    _refuse(latency, (*_CENTRES, *_SPREADS))
    low, high = latency.low_ms, latency.high_ms
    if low is None or high is None or low > high:
        raise ValueError("uniform needs low_ms and high_ms, low_ms <= high_ms")
    return lambda draw: low + draw * (high - low)


def _normal(latency: Latency) -> Quantile:
    _, centre = _the_one(latency, _CENTRES, ())
    name, spread = _the_one(latency, _SPREADS, ())
    sigma = spread if name == "std_ms" else (spread - centre) / _z(name)
    if sigma < 0:
        raise ValueError(f"{name} must not be below the centre")
    return lambda draw: centre + sigma * _STANDARD.inv_cdf(draw)


def _lognormal(latency: Latency) -> Quantile:
    centre_name, centre = _the_one(latency, _CENTRES, ())
    name, spread = _the_one(latency, _SPREADS, ())
    if centre <= 0:
        raise ValueError(f"lognormal needs {centre_name} > 0")
    sigma = _log_sigma(centre_name, centre, name, spread)
    mu = math.log(centre) - (sigma**2 / 2 if centre_name == "mean_ms" else 0.0)
    return lambda draw: math.exp(mu + sigma * _STANDARD.inv_cdf(draw))


def _log_sigma(centre_name: str, centre: float, name: str, spread: float) -> float:
    """Sigma of the logarithm.

    With m = exp(mu) the median: mean = m exp(s²/2), variance = m² e^(s²) (e^(s²) - 1), percentile = m exp(z s).
    """
    ratio = spread / centre
    if name == "std_ms":
        if centre_name == "mean_ms":
            return math.sqrt(math.log1p(ratio**2))
        return math.sqrt(math.log((1 + math.sqrt(1 + 4 * ratio**2)) / 2))
    if ratio < 1:
        raise ValueError(f"{name} must not be below {centre_name}")
    z = _z(name)
    if centre_name == "p50_ms":
        return math.log(ratio) / z
    # ln(percentile / mean) = z s - s²/2: the smaller root; no lognormal has a percentile further from its mean
    under_root = z**2 - 2 * math.log(ratio)
    if under_root < 0:
        raise ValueError(f"no lognormal distribution has a {name} above {math.exp(z**2 / 2):.2f} times its mean_ms")
    return z - math.sqrt(under_root)


def _exponential(latency: Latency) -> Quantile:
    name, value = _the_one(latency, (*_CENTRES, "p95_ms", "p99_ms"), ("std_ms",))
    survivors = {"mean_ms": math.exp(-1), "p50_ms": 0.5, "p95_ms": 0.05, "p99_ms": 0.01}[name]
    mean = value / -math.log(survivors)
    return lambda draw: -mean * math.log1p(-draw)


_FAMILIES: dict[str, Callable[[Latency], Quantile]] = {
    "constant": _constant,
    "uniform": _uniform,
    "normal": _normal,
    "lognormal": _lognormal,
    "exponential": _exponential,
}


def _z(name: str) -> float:
    return _Z95 if name == "p95_ms" else _Z99


def _the_one(latency: Latency, names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, float]:
    """The one figure that is given among the names."""
    _refuse(latency, (*others, "low_ms", "high_ms"))
    given = [(name, getattr(latency, name)) for name in names if getattr(latency, name) is not None]
    if len(given) != 1:
        raise ValueError(f"{latency.kind} needs exactly one of {', '.join(names)}")
    return given[0]


def _refuse(latency: Latency, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(latency, name) is not None:
            raise ValueError(f"{latency.kind} has no use for {name}")
