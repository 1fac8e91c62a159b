package bucket_test

import (
	"testing"
	"time"

	"example.org/throttle/bucket"
	"example.org/throttle/rate"
)

var origin = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return origin.Add(d) }

func per(events int, period time.Duration) rate.Rate { return rate.Rate{Events: events, Per: period} }

// due is when the k-th token comes into a bucket that was last full at the origin.
func due(r rate.Rate, k int) time.Duration {
	events := int64(r.Events)
	return time.Duration((int64(k)*int64(r.Per) + events - 1) / events)
}

func emptied(r rate.Rate, burst int) *bucket.Bucket {
	b := bucket.New(r, burst, origin)
	b.Take(origin, burst)
	return b
}

var uneven = []rate.Rate{
	per(3, time.Second), per(7, time.Minute), per(1000, time.Second), per(1, 24*time.Hour),
	per(7, 24*time.Hour), per(60, time.Second), per(999, time.Millisecond), per(7, 3*time.Nanosecond),
}

func TestTokensComeAtTheirNanosecond(t *testing.T) {
	for _, r := range uneven[:6] {
		b := emptied(r, 50)
		for k := 1; k <= 2000; k++ {
			if b.Take(at(due(r, k)-1), 1) {
				t.Fatalf("%v: token %d came early", r, k)
			}
			if !b.Take(at(due(r, k)), 1) {
				t.Fatalf("%v: token %d did not come in time", r, k)
			}
		}
	}
}

func TestAskingOftenMakesNoDifference(t *testing.T) {
	b := emptied(per(3, time.Second), 5)
	taken := 0
	for d := time.Duration(0); d <= time.Minute; d += 100 * time.Millisecond {
		b.Wait(at(d), 1)
		b.Level(at(d))
		if b.Take(at(d), 1) {
			taken++
		}
	}
	if taken != 180 {
		t.Errorf("took %d in a minute", taken)
	}
}

func TestAskingForMoreThanThereIsMakesNoDifference(t *testing.T) {
	b := emptied(per(1, time.Second), 3)
	for d := time.Duration(0); d < 3*time.Second; d += 70 * time.Millisecond {
		if b.Take(at(d), 3) {
			t.Fatalf("took 3 after %v", d)
		}
	}
	if !b.Take(at(3*time.Second), 3) {
		t.Error("there should be 3 after 3 s")
	}
}

func TestSeveralTokensAtATime(t *testing.T) {
	r := per(7, time.Second)
	b := emptied(r, 20)
	for k := 5; k <= 1000; k += 5 {
		if b.Take(at(due(r, k)-1), 5) || !b.Take(at(due(r, k)), 5) {
			t.Fatalf("the tokens up to %d were not there in time", k)
		}
	}
}

func TestFullBucketsGainNothing(t *testing.T) {
	b := emptied(per(1, time.Second), 2)
	b.Level(at(1500 * time.Millisecond))
	if !b.Take(at(2900*time.Millisecond), 1) {
		t.Fatal("the bucket should have been full")
	}
	if got := b.Level(at(3899 * time.Millisecond)); got != 1 {
		t.Errorf("level is %d after 999 ms", got)
	}
	if got := b.Level(at(3900 * time.Millisecond)); got != 2 {
		t.Errorf("level is %d after 1 s", got)
	}
	b.Take(at(4500*time.Millisecond), 2)
	if got := b.Level(at(5499 * time.Millisecond)); got != 0 {
		t.Errorf("level is %d after 999 ms from full", got)
	}
}

func TestProgressIsKeptOverTakes(t *testing.T) {
	b := emptied(per(1, time.Second), 3)
	for _, step := range []struct {
		at   time.Duration
		take int
		left int
	}{
		{1900 * time.Millisecond, 1, 0},
		{2000 * time.Millisecond, 1, 0},
		{4700 * time.Millisecond, 1, 1},
		{5000 * time.Millisecond, 0, 2},
		{5999 * time.Millisecond, 0, 2},
		{6000 * time.Millisecond, 0, 3},
	} {
		if !b.Take(at(step.at), step.take) {
			t.Errorf("%v: refused", step.at)
		}
		if got := b.Level(at(step.at)); got != step.left {
			t.Errorf("%v: level is %d, not %d", step.at, got, step.left)
		}
	}
}

func TestWaitIsExact(t *testing.T) {
	for _, r := range uneven {
		for n := 1; n <= 5; n++ {
			for _, asked := range []time.Duration{0, 1, due(r, 1) / 3, due(r, 1), due(r, 2) - 1, due(r, 2) + 1} {
				b := emptied(r, 5)
				b.Level(at(asked / 2))
				want := due(r, n) - asked
				if want < 0 {
					want = 0
				}
				if got, ok := b.Wait(at(asked), n); got != want || !ok {
					t.Errorf("%v: wait for %d at %v is %v, not %v", r, n, asked, got, want)
				}
			}
		}
	}
}

func TestPausesOfAnyLength(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, r := range uneven {
		for _, pause := range []time.Duration{24 * time.Hour * 100, year, 30 * year, 290 * year} {
			b := emptied(r, 100)
			b.Take(at(1), 1)
			if got := b.Level(at(pause)); got != 100 {
				t.Errorf("%v: level is %d after %v", r, got, pause)
			}
			if !b.Take(at(pause), 100) || b.Take(at(pause), 1) {
				t.Errorf("%v: not 100 tokens after %v", r, pause)
			}
			if got, _ := b.Wait(at(pause), 2); got != due(r, 2) {
				t.Errorf("%v: wait is %v after %v", r, got, pause)
			}
		}
	}
}

func TestClockThatGoesBackAndForth(t *testing.T) {
	b := emptied(per(1, time.Second), 4)
	b.Level(at(1400 * time.Millisecond))
	b.Level(at(300 * time.Millisecond))
	b.Level(at(1300 * time.Millisecond))
	if got := b.Level(at(1999 * time.Millisecond)); got != 1 {
		t.Errorf("level is %d", got)
	}
	if got := b.Level(at(2000 * time.Millisecond)); got != 2 {
		t.Errorf("level is %d", got)
	}
}
