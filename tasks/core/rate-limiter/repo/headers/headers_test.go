package headers

import (
	"reflect"
	"testing"
	"time"

	"example.org/throttle/limiter"
)

func TestAllowed(t *testing.T) {
	status, got := For(limiter.Decision{Allowed: true, Remaining: 7})
	if want := map[string]string{"X-RateLimit-Remaining": "7"}; status != 200 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d, %v", status, got)
	}
}

func TestRefused(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		time.Nanosecond: "1", time.Second: "1", time.Second + 1: "2", time.Minute: "60",
	} {
		status, got := For(limiter.Decision{RetryAfter: wait})
		if status != 429 || got["Retry-After"] != want || got["X-RateLimit-Remaining"] != "0" {
			t.Errorf("%v: got %d, %v", wait, status, got)
		}
	}
}
