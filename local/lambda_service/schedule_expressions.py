"""EventBridge's rate(...) and cron(...) expressions, in UTC (EventBridge user guide, "Schedule expressions")."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
"""AWS's smallest unit is the minute; seconds are for local use."""
RATE = re.compile(r"rate\((\d+) (second|minute|hour|day)(s?)\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS = {name: n for n, name in enumerate(MONTH_NAMES, 1)}
WEEKDAYS = {name: n for n, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
LAST_YEAR = 2199


@dataclass(frozen=True)
class Rate:
    seconds: int

    def after(self, moment: datetime) -> datetime:
        return moment + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Cron:
    """Its six fields as sets; days of the month and of the week keep L, W and # as they were written."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days_of_month: str
    months: frozenset[int]
    days_of_week: str
    years: frozenset[int]

    def after(self, moment: datetime) -> datetime:
        """The first time later than `moment`. Raises: ValueError when there is none until 2199."""
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while day.year <= LAST_YEAR:
            if day.year not in self.years:
                day = day.replace(year=day.year + 1, month=1, day=1)
                continue
            if day.month in self.months and self._is_day(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        at = day.replace(hour=hour, minute=minute)
                        if at > moment:
                            return at
            day += timedelta(days=1)
        raise ValueError("the expression never comes due again")

    def _is_day(self, day: datetime) -> bool:
        if self.days_of_week == "?":
            return any(_is_day_of_month(part, day) for part in self.days_of_month.split(","))
        return any(_is_day_of_week(part, day) for part in self.days_of_week.split(","))


def parse_expression(expression: str) -> Rate | Cron:
    """Raises: ValueError saying what is wrong."""
    rate = RATE.fullmatch(expression)
    if rate:
        value = int(rate[1])
        if value < 1 or (value == 1) == bool(rate[3]):
            raise ValueError(f"{expression!r}: a positive number, and the unit in the singular for 1 only")
        return Rate(value * UNITS[rate[2]])
    cron = CRON.fullmatch(expression)
    if cron is None:
        raise ValueError(f"{expression!r} is neither rate(<value> <unit>) nor cron(<six fields>)")
    minutes, hours, days_of_month, months, days_of_week, years = cron.groups()
    if (days_of_month == "?") == (days_of_week == "?"):
        raise ValueError(f"{expression!r}: exactly one of day-of-month and day-of-week must be ?")
    parsed = Cron(
        minutes=_field(minutes, 0, 59),
        hours=_field(hours, 0, 23),
        days_of_month=days_of_month,
        months=_field(months, 1, 12, MONTHS),
        days_of_week=days_of_week,
        years=_field(years, 1970, LAST_YEAR),
    )
    parsed.after(datetime(2024, 1, 1, tzinfo=UTC))  # reads the day fields too
    return parsed


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, names)
            last = _number(end, names) if dash else (high if step else first)
        if not low <= first <= last <= high or (step and not 1 <= int(step) <= high):
            raise ValueError(f"{part!r} is not within {low} to {high}")
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def _number(text: str, names: dict[str, int] | None) -> int:
    return names[text] if names and text in names else int(text)


def _is_day_of_month(part: str, day: datetime) -> bool:
    length = calendar.monthrange(day.year, day.month)[1]
    if part == "L":
        return day.day == length
    if part.endswith("W"):
        return day.day == _nearest_weekday(day, length if part == "LW" else min(int(part[:-1]), length), length)
    return day.day in _field(part, 1, 31)


def _nearest_weekday(day: datetime, wanted: int, length: int) -> int:
    weekday = day.replace(day=wanted).weekday()
    if weekday == 5:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 6:
        return wanted + 1 if wanted < length else wanted - 2
    return wanted


def _is_day_of_week(part: str, day: datetime) -> bool:
    weekday = day.isoweekday() % 7 + 1
    if "#" in part:
        which, _, nth = part.partition("#")
        return weekday == _number(which, WEEKDAYS) and (day.day - 1) // 7 + 1 == int(nth)
    if part.endswith("L"):
        is_last = day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        return is_last and weekday == (_number(part[:-1], WEEKDAYS) if part != "L" else 7)
    return weekday in _field(part, 1, 7, WEEKDAYS)
