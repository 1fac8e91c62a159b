package limiter

import (
	"fmt"
	"testing"
	"time"

	"example.org/throttle/clock"
	"example.org/throttle/rate"
)

func TestKeysDoNotShare(t *testing.T) {
	l := New(rate.Rate{Events: 1, Per: time.Minute}, 1, clock.NewManual(time.Unix(0, 0)))
	if !l.Allow("a").Allowed || !l.Allow("b").Allowed {
		t.Error("first events were refused")
	}
	if got := l.Allow("a"); got != (Decision{RetryAfter: time.Minute}) {
		t.Errorf("got %+v", got)
	}
}

func TestRemaining(t *testing.T) {
	l := New(rate.Rate{Events: 1, Per: time.Minute}, 3, clock.NewManual(time.Unix(0, 0)))
	for want := 2; want >= 0; want-- {
		if got := l.Allow("a"); !got.Allowed || got.Remaining != want {
			t.Errorf("got %+v, want %d remaining", got, want)
		}
	}
}

func TestForgetsFullBuckets(t *testing.T) {
	c := clock.NewManual(time.Unix(0, 0))
	l := New(rate.Rate{Events: 1, Per: time.Second}, 1, c)
	for i := 0; i < pruneEvery-1; i++ {
		l.Allow(fmt.Sprint(i))
	}
	c.Advance(time.Second)
	l.Allow("last")
	if got := l.Keys(); got != 1 {
		t.Errorf("%d keys are kept", got)
	}
}
