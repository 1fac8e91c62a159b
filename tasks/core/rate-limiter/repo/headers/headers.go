// Package headers tells HTTP clients what was decided about their requests.
package headers

import (
	"strconv"
	"time"

	"example.org/throttle/limiter"
)

const (
	ok              = 200
	tooManyRequests = 429
)

// seconds is a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// For returns the status of a response, and the headers that belong to a decision.
func For(d limiter.Decision) (status int, headers map[string]string) {
	headers = map[string]string{"X-RateLimit-Remaining": strconv.Itoa(d.Remaining)}
	if d.Allowed {
		return ok, headers
	}
	headers["Retry-After"] = seconds(d.RetryAfter)
	return tooManyRequests, headers
}
