// Package tail keeps the last lines of a log for readers that come back for more.
package tail

import (
	"sync"

	"example.org/logtail/ring"
)

// Line is one line of a log. Numbers start at 1 and have no gaps.
type Line struct {
	Number int
	Text   string
}

// Tail is the end of a log. It may be used by several goroutines.
type Tail struct {
	mu    sync.Mutex
	lines *ring.Ring[Line]
	last  int // number of the newest line
}

// New returns an empty tail that keeps up to limit lines.
func New(limit int) *Tail {
	return &Tail{lines: ring.New[Line](limit)}
}

// Append adds a line and returns its number.
func (t *Tail) Append(text string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.lines.Push(Line{Number: t.last, Text: text})
	return t.last
}

// Since returns the lines with numbers above n, oldest first, and how many such lines are gone.
func (t *Tail) Since(n int) (lines []Line, missed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n < 0 {
		n = 0
	}
	if n >= t.last {
		return nil, 0
	}
	lines = t.lines.Last(t.last - n)
	return lines, t.last - n - len(lines)
}

// Discard forgets the lines with numbers up to n.
func (t *Tail) Discard(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest := t.last - t.lines.Len() + 1
	if n > t.last {
		n = t.last
	}
	t.lines.Drop(n - oldest + 1)
}

// SetLimit changes how many lines are kept.
func (t *Tail) SetLimit(limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines.Resize(limit)
}
