// Package httplimit limits HTTP requests.
package httplimit

import (
	"net"
	"net/http"
	"strconv"
	"time"

	"example.org/throttle/limiter"
)

// KeyFunc says which bucket a request belongs to.
type KeyFunc func(*http.Request) string

// ByHost has a bucket for each address that requests come from.
func ByHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// seconds is a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// Wrap returns a handler that answers 429 where the limiter does not allow a request.
func Wrap(next http.Handler, l *limiter.Limiter, key KeyFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		decision := l.Allow(key(r))
		w.Header().Set("X-Ratelimit-Remaining", strconv.Itoa(decision.Remaining))
		if !decision.Allowed {
			w.Header().Set("Retry-After", seconds(decision.RetryAfter))
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}
