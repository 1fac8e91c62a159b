package httplimit

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.org/throttle/clock"
	"example.org/throttle/limiter"
	"example.org/throttle/rate"
)

func TestAnswers429(t *testing.T) {
	c := clock.NewManual(time.Unix(0, 0))
	l := limiter.New(rate.Rate{Events: 1, Per: 1500 * time.Millisecond}, 1, c)
	handler := Wrap(http.NotFoundHandler(), l, ByHost)
	for _, want := range []struct {
		code  int
		retry string
	}{{404, ""}, {429, "2"}} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.1:1234"
		handler.ServeHTTP(w, r)
		if w.Code != want.code || w.Header().Get("Retry-After") != want.retry {
			t.Errorf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
	}
}

func TestByHost(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.1:80": "192.0.2.1", "[::1]:80": "::1", "pipe": "pipe"} {
		if got := ByHost(&http.Request{RemoteAddr: address}); got != want {
			t.Errorf("%s: got %s", address, got)
		}
	}
}
