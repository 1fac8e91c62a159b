package httplimit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.org/throttle/clock"
	"example.org/throttle/httplimit"
	"example.org/throttle/limiter"
	"example.org/throttle/rate"
)

func TestRetryAfterHeaderGoesDown(t *testing.T) {
	c := clock.NewManual(time.Unix(1e9, 0))
	l := limiter.New(rate.Rate{Events: 1, Per: time.Minute}, 1, c)
	handler := httplimit.Wrap(http.NotFoundHandler(), l, httplimit.ByHost)
	for i, want := range []string{"", "50", "40", "30", "20", "10", ""} {
		if i > 0 {
			c.Advance(10*time.Second + time.Nanosecond)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("request %d: Retry-After is %q, not %q", i, got, want)
		}
	}
}
