package limiter_test

import (
	"testing"
	"time"

	"example.org/throttle/clock"
	"example.org/throttle/limiter"
	"example.org/throttle/rate"
)

func TestRetryAfterCountsFromTheLastEvent(t *testing.T) {
	c := clock.NewManual(time.Unix(1e9, 0))
	l := limiter.New(rate.Rate{Events: 1, Per: time.Minute}, 1, c)
	l.Allow("a")
	for _, left := range []time.Duration{50, 40, 30, 20, 10} {
		c.Advance(10 * time.Second)
		if got := l.Allow("a"); got.Allowed || got.RetryAfter != left*time.Second {
			t.Errorf("%+v, should wait %d s", got, left)
		}
	}
	c.Advance(10 * time.Second)
	if got := l.Allow("a"); !got.Allowed || got.RetryAfter != 0 {
		t.Errorf("%+v, should be allowed", got)
	}
}

func TestRetryingAsToldSucceeds(t *testing.T) {
	c := clock.NewManual(time.Unix(1e9, 0))
	l := limiter.New(rate.Rate{Events: 7, Per: time.Second}, 2, c)
	start := c.Now()
	allowed := 0
	for c.Now().Sub(start) < 10*time.Second {
		decision := l.Allow("a")
		if decision.Allowed {
			allowed++
			continue
		}
		c.Advance(decision.RetryAfter - 1)
		if l.Allow("a").Allowed {
			t.Fatal("allowed before the time was over")
		}
		c.Advance(1)
		if got := l.Allow("a"); !got.Allowed {
			t.Fatalf("refused when the time was over: %+v", got)
		}
		allowed++
	}
	if allowed != 72 {
		t.Errorf("%d events in 10 s", allowed)
	}
}
