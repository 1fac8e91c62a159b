// Package clock says what time it is.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface {
	Now() time.Time
}

// System is the clock of the machine.
type System struct{}

// Now is the present time.
func (System) Now() time.Time { return time.Now() }

// Manual is a clock that somebody sets. It may be used by several goroutines.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual returns a clock that stands at a time.
func NewManual(now time.Time) *Manual { return &Manual{now: now} }

// Now is the time to which the clock was set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance sets the clock forward, or back by a negative duration.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}
