package schedule_test

import (
	"testing"
	"time"

	"example.org/almanac/schedule"
	"example.org/almanac/zone"
)

func nextInBerlin(t *testing.T, after time.Time) string {
	t.Helper()
	loc, err := zone.Load("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Parse("30 2 * * *", loc)
	if err != nil {
		t.Fatal(err)
	}
	next, _ := s.Next(after)
	return next.UTC().Format("2006-01-02 15:04")
}

func TestTwinClockSetForward(t *testing.T) {
	if got := nextInBerlin(t, time.Date(2023, 3, 25, 12, 0, 0, 0, time.UTC)); got != "2023-03-26 02:17" {
		t.Errorf("got %s", got)
	}
}

func TestTwinClockSetBack(t *testing.T) {
	if got := nextInBerlin(t, time.Date(2023, 10, 28, 12, 0, 0, 0, time.UTC)); got != "2023-10-29 03:45" {
		t.Errorf("got %s", got)
	}
}
