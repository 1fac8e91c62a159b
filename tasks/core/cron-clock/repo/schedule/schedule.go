// Package schedule finds the times that a schedule stands for.
package schedule

import (
	"fmt"
	"strings"
	"time"

	"example.org/almanac/field"
)

// Schedule says when a job runs.
type Schedule struct {
	minutes, hours, days, months, weekdays field.Set

	everyDay     bool // the day of the month starts with a star
	everyWeekday bool // the day of the week starts with a star
	everyHour    bool // the hour starts with a star
	loc          *time.Location
}

// Parse reads a schedule of five fields, for the wall clock of a zone.
func Parse(text string, loc *time.Location) (*Schedule, error) {
	parts := strings.Fields(text)
	if len(parts) != 5 {
		return nil, fmt.Errorf("schedule %q: %d fields instead of 5", text, len(parts))
	}
	s := &Schedule{
		everyHour:    strings.HasPrefix(parts[1], "*"),
		everyDay:     strings.HasPrefix(parts[2], "*"),
		everyWeekday: strings.HasPrefix(parts[4], "*"),
		loc:          loc,
	}
	kinds := []field.Kind{field.Minute, field.Hour, field.Day, field.Month, field.Weekday}
	for i, set := range []*field.Set{&s.minutes, &s.hours, &s.days, &s.months, &s.weekdays} {
		parsed, err := kinds[i].Parse(parts[i])
		if err != nil {
			return nil, fmt.Errorf("schedule %q: %w", text, err)
		}
		*set = parsed
	}
	if s.weekdays.Has(7) {
		s.weekdays |= 1
	}
	return s, nil
}

// Upcoming returns up to n times at which the job runs.
func (s *Schedule) Upcoming(after time.Time, n int) []time.Time {
	var times []time.Time
	for len(times) < n {
		next, ok := s.Next(after)
		if !ok {
			break
		}
		times = append(times, next)
		after = next
	}
	return times
}
