// Package limiter keeps a token bucket for each key.
package limiter

import (
	"sync"
	"time"

	"example.org/throttle/bucket"
	"example.org/throttle/clock"
	"example.org/throttle/rate"
)

// pruneEvery is the number of decisions between two searches for buckets to forget.
const pruneEvery = 1000

// Decision is the answer to whether an event may happen.
type Decision struct {
	Allowed    bool
	Remaining  int           // events that may follow at once
	RetryAfter time.Duration // zero where it is allowed
}

// Limiter decides for each key by itself. It may be used by several goroutines.
type Limiter struct {
	mu        sync.Mutex
	rate      rate.Rate
	burst     int
	clock     clock.Clock
	buckets   map[string]*bucket.Bucket
	decisions int
}

// New returns a limiter that allows bursts of events at once and a rate in the long run.
func New(r rate.Rate, burst int, c clock.Clock) *Limiter {
	return &Limiter{rate: r, burst: burst, clock: c, buckets: map[string]*bucket.Bucket{}}
}

// Allow decides about one event.
func (l *Limiter) Allow(key string) Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.prune(now)
	b, known := l.buckets[key]
	if !known {
		b = bucket.New(l.rate, l.burst, now)
		l.buckets[key] = b
	}
	allowed := b.Take(now, 1)
	decision := Decision{Allowed: allowed, Remaining: b.Level(now)}
	if !allowed {
		decision.RetryAfter, _ = b.Wait(now, 1)
	}
	return decision
}

// prune forgets full buckets now and then: a new one is no different.
func (l *Limiter) prune(now time.Time) {
	l.decisions++
	if l.decisions%pruneEvery != 0 {
		return
	}
	for key, b := range l.buckets {
		if b.IsFull(now) {
			delete(l.buckets, key)
		}
	}
}

// Keys is the number of keys that are kept.
func (l *Limiter) Keys() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}
