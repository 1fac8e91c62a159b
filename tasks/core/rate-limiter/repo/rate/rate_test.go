package rate

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Rate{
		"5/s":      {5, time.Second},
		"100/1m":   {100, time.Minute},
		" 2 / 90s": {2, 90 * time.Second},
		"1/d":      {1, 24 * time.Hour},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "5", "0/s", "-1/s", "x/s", "5/", "5/-1s", "5/fortnight"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestInterval(t *testing.T) {
	if got := (Rate{4, time.Second}).Interval(); got != 250*time.Millisecond {
		t.Errorf("got %v", got)
	}
}
