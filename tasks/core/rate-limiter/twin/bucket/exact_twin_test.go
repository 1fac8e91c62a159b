package bucket_test

import (
	"testing"
	"time"

	"example.org/throttle/bucket"
	"example.org/throttle/rate"
)

func TestTwinAskingOftenMakesNoDifference(t *testing.T) {
	begin := time.Unix(1e9, 0)
	b := bucket.New(rate.Rate{Events: 3, Per: time.Second}, 5, begin)
	b.Take(begin, 5)
	taken := 0
	for d := time.Duration(0); d <= time.Minute; d += 100 * time.Millisecond {
		if b.Take(begin.Add(d), 1) {
			taken++
		}
	}
	if taken != 97 {
		t.Errorf("took %d in a minute", taken)
	}
}

func TestTwinWaitIsExact(t *testing.T) {
	begin := time.Unix(1e9, 0)
	b := bucket.New(rate.Rate{Events: 1, Per: time.Minute}, 1, begin)
	b.Take(begin, 1)
	b.Level(begin.Add(20 * time.Second))
	if got, _ := b.Wait(begin.Add(40*time.Second), 1); got != 25*time.Second {
		t.Errorf("wait is %v", got)
	}
}
