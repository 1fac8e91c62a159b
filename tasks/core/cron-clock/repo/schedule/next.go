package schedule

import "time"

// horizon is how many years ahead times are looked for.
const horizon = 10

// Next returns the first time after another one at which the job runs.
func (s *Schedule) Next(after time.Time) (time.Time, bool) {
	t := after.In(s.loc).Truncate(time.Minute).Add(time.Minute)
	limit := t.AddDate(horizon, 0, 0)
	for t.Before(limit) {
		if s.names(t) {
			return t, true
		}
		t = s.advance(t)
	}
	return time.Time{}, false
}

// advance goes to the start of the next month, day, hour or minute that is worth a look.
func (s *Schedule) advance(t time.Time) time.Time {
	next := t.Add(time.Minute)
	switch {
	case !s.months.Has(int(t.Month())):
		next = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, s.loc)
	case !s.namesDay(t):
		next = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, s.loc)
	case !s.hours.Has(t.Hour()):
		next = time.Date(t.Year(), t.Month(), t.Day(), t.Hour()+1, 0, 0, 0, s.loc)
	}
	if !next.After(t) {
		// There are days without a midnight.
		next = t.Add(time.Minute)
	}
	return next
}
