"""Questions that the tests on a broker ask, as the user writes them."""

from __future__ import annotations

#: The shortest question, scored from the first snapshot on.
AT_ONCE = """\
time: {allowed_lateness: 0s, idle_after: 1h}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
    tickets: {every: 12h}
    emit_from: collecting
"""
_HEAD = """\
events: {{value: properties.amount}}
attributes: {{plan: properties.plan}}
time: {{allowed_lateness: 0s, idle_after: {idle_after}}}
goals:
"""
_CHURN = """\
  churn:
    propensity: churn
    outcome: {{will_not: {{where: {{field: type, equals: basket}}}}, within: 1d}}
    tickets: {{every: {every}}}
"""
_COUPON = """\
  coupon:
    propensity: conversion
    eligible: {{where: {{field: type, equals: basket}}, in_last: 3d}}
    outcome: {{will: {{where: {{field: type, equals: coupon}}}}, within: 2d}}
    tickets: {{every: {every}}}
"""


def churn(every: str = "12h", idle_after: str = "1h") -> str:
    """Will there be no basket within a day? Of the events that ``habits`` makes."""
    return _HEAD.format(idle_after=idle_after) + _CHURN.format(every=every)


def churn_and_coupon(every: str = "12h", coupon_every: str = "1d", idle_after: str = "1h") -> str:
    """The same, and: will there be a coupon within two days?"""
    return churn(every, idle_after) + _COUPON.format(every=coupon_every)
