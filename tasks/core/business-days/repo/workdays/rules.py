"""Rules: functions from a year to the date of a holiday in that year."""

from datetime import date, timedelta

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def fixed(month, day):
    """The same day every year."""

    def rule(year):
        return date(year, month, day)

    return rule


def nth_weekday(month, weekday, n):
    """The n-th Monday (Tuesday, ...) of a month, counted from 1."""

    def rule(year):
        first = date(year, month, 1)
        ahead = (weekday - first.weekday()) % 7
        return first + timedelta(days=ahead + 7 * (n - 1))

    return rule


def last_weekday(month, weekday):
    """The last Monday (Tuesday, ...) of a month."""

    def rule(year):
        following = date(year + month // 12, month % 12 + 1, 1)
        last = following - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)

    return rule


def easter(offset=0):
    """Easter Sunday (Gregorian), or so many days after it."""

    def rule(year):
        golden = year % 19
        century, rest = divmod(year, 100)
        leap, lag = divmod(century, 4)
        shift = (century - (century + 8) // 25 + 1) // 3
        epact = (19 * golden + century - leap - shift + 15) % 30
        decade, single = divmod(rest, 4)
        sunday = (32 + 2 * lag + 2 * decade - epact - single) % 7
        late = (golden + 11 * epact + 22 * sunday) // 451
        month, day = divmod(epact + sunday - 7 * late + 114, 31)
        return date(year, month, day + 1) + timedelta(days=offset)

    return rule
