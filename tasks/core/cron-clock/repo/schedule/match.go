package schedule

import "time"

// namesDay says whether the schedule names minutes of the day that t is in.
func (s *Schedule) namesDay(t time.Time) bool {
	if !s.months.Has(int(t.Month())) {
		return false
	}
	day, weekday := s.days.Has(t.Day()), s.weekdays.Has(int(t.Weekday()))
	if s.everyDay || s.everyWeekday {
		return day && weekday
	}
	return day || weekday
}

// names says whether the schedule names the minute that t is in.
func (s *Schedule) names(t time.Time) bool {
	return s.minutes.Has(t.Minute()) && s.hours.Has(t.Hour()) && s.namesDay(t)
}
