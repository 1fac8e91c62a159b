// Package bucket has a token bucket.
package bucket

import (
	"fmt"
	"time"

	"example.org/throttle/rate"
)

// Bucket holds tokens and gains new ones as time goes by. The caller says what time it is.
type Bucket struct {
	rate   rate.Rate
	burst  int
	tokens int
	last   time.Time // when tokens were last counted
}

// New returns a full bucket. It panics where the rate or the burst is not positive.
func New(r rate.Rate, burst int, now time.Time) *Bucket {
	if r.Events < 1 || r.Per <= 0 || burst < 1 {
		panic(fmt.Sprintf("bucket: rate %v with burst %d", r, burst))
	}
	return &Bucket{rate: r, burst: burst, tokens: burst, last: now}
}

// refill adds the tokens that came in since the last call.
func (b *Bucket) refill(now time.Time) {
	elapsed := now.Sub(b.last)
	if elapsed <= 0 {
		return
	}
	earned := elapsed / b.rate.Interval()
	if missing := b.burst - b.tokens; earned > time.Duration(missing) {
		earned = time.Duration(missing)
	}
	b.tokens += int(earned)
	b.last = now
}

// Take takes n tokens, or none where there are not so many.
func (b *Bucket) Take(now time.Time, n int) bool {
	b.refill(now)
	if n > b.tokens {
		return false
	}
	b.tokens -= n
	return true
}

// Level is the number of tokens.
func (b *Bucket) Level(now time.Time) int {
	b.refill(now)
	return b.tokens
}

// IsFull says whether there is no room for more tokens.
func (b *Bucket) IsFull(now time.Time) bool {
	return b.Level(now) == b.burst
}

// Wait is the time until n tokens can be taken; false where they never can.
func (b *Bucket) Wait(now time.Time, n int) (time.Duration, bool) {
	if n > b.burst {
		return 0, false
	}
	b.refill(now)
	if n <= b.tokens {
		return 0, true
	}
	return time.Duration(n-b.tokens) * b.rate.Interval(), true
}
