package headers_test

import (
	"testing"
	"time"

	"example.org/throttle/clock"
	"example.org/throttle/headers"
	"example.org/throttle/limiter"
	"example.org/throttle/rate"
)

func TestRetryAfterHeaderGoesDown(t *testing.T) {
	c := clock.NewManual(time.Unix(1e9, 0))
	l := limiter.New(rate.Rate{Events: 1, Per: time.Minute}, 1, c)
	for i, want := range []string{"", "50", "40", "30", "20", "10", ""} {
		if i > 0 {
			c.Advance(10*time.Second + time.Nanosecond)
		}
		_, got := headers.For(l.Allow("a"))
		if got["Retry-After"] != want {
			t.Errorf("request %d: Retry-After is %q, not %q", i, got["Retry-After"], want)
		}
	}
}
