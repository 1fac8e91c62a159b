// Package rate describes how often something may happen.
package rate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of events in a period.
type Rate struct {
	Events int
	Per    time.Duration
}

// Interval is the time from one event to the next, rounded down.
func (r Rate) Interval() time.Duration {
	return r.Per / time.Duration(r.Events)
}

func (r Rate) String() string {
	return fmt.Sprintf("%d/%v", r.Events, r.Per)
}

var units = map[string]time.Duration{
	"s": time.Second,
	"m": time.Minute,
	"h": time.Hour,
	"d": 24 * time.Hour,
}

// Parse reads a rate: a number of events, a slash and a unit (s, m, h, d) or a duration (90s).
func Parse(text string) (Rate, error) {
	left, right, found := strings.Cut(text, "/")
	if !found {
		return Rate{}, fmt.Errorf("rate %q: no slash", text)
	}
	events, err := strconv.Atoi(strings.TrimSpace(left))
	if err != nil || events < 1 {
		return Rate{}, fmt.Errorf("rate %q: the number of events must be 1 or more", text)
	}
	right = strings.TrimSpace(right)
	per, isUnit := units[right]
	if !isUnit {
		per, err = time.ParseDuration(right)
		if err != nil || per <= 0 {
			return Rate{}, fmt.Errorf("rate %q: bad period", text)
		}
	}
	return Rate{Events: events, Per: per}, nil
}
