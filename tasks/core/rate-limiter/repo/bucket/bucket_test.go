package bucket

import (
	"testing"
	"time"

	"example.org/throttle/rate"
)

var start = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

func TestBurstThenRate(t *testing.T) {
	b := New(rate.Rate{Events: 2, Per: time.Second}, 3, start)
	for i := 0; i < 3; i++ {
		if !b.Take(start, 1) {
			t.Errorf("take %d was refused", i)
		}
	}
	if b.Take(start, 1) {
		t.Error("took from an empty bucket")
	}
	if !b.Take(after(500*time.Millisecond), 1) {
		t.Error("no token after an interval")
	}
}

func TestTakesAllOrNothing(t *testing.T) {
	b := New(rate.Rate{Events: 1, Per: time.Second}, 5, start)
	if !b.Take(start, 3) || b.Take(start, 3) {
		t.Error("3 of 5 and then 3 of 2")
	}
	if got := b.Level(start); got != 2 {
		t.Errorf("level is %d", got)
	}
}

func TestNeverMoreThanBurst(t *testing.T) {
	b := New(rate.Rate{Events: 1000, Per: time.Second}, 5, start)
	b.Take(start, 5)
	if got := b.Level(after(20 * 365 * 24 * time.Hour)); got != 5 {
		t.Errorf("level is %d", got)
	}
}

func TestWait(t *testing.T) {
	b := New(rate.Rate{Events: 1, Per: time.Second}, 3, start)
	b.Take(start, 2)
	for n, want := range map[int]time.Duration{1: 0, 2: time.Second, 3: 2 * time.Second} {
		if got, ok := b.Wait(start, n); got != want || !ok {
			t.Errorf("wait for %d: %v, %v", n, got, ok)
		}
	}
	if _, ok := b.Wait(start, 4); ok {
		t.Error("4 tokens are never there")
	}
}

func TestClockGoingBack(t *testing.T) {
	b := New(rate.Rate{Events: 1, Per: time.Second}, 2, start)
	b.Take(start, 2)
	b.Level(after(-time.Hour))
	if got := b.Level(after(time.Second)); got != 1 {
		t.Errorf("level is %d", got)
	}
}
