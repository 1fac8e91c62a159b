package schedule

import (
	"testing"
	"time"

	"example.org/almanac/zone"
)

const layout = "2006-01-02 15:04"

func mustParse(t *testing.T, text, zoneName string) *Schedule {
	t.Helper()
	loc, err := zone.Load(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ schedule, after, want string }{
		{"30 2 * * *", "2023-06-01 02:29", "2023-06-01 02:30"},
		{"30 2 * * *", "2023-06-01 02:30", "2023-06-02 02:30"},
		{"*/15 * * * *", "2023-06-01 23:50", "2023-06-02 00:00"},
		{"0 9-17/4 * * mon-fri", "2023-06-02 17:00", "2023-06-05 09:00"},
		{"0 0 1 jan *", "2023-01-01 00:00", "2024-01-01 00:00"},
		{"0 0 31 * *", "2023-01-31 00:00", "2023-03-31 00:00"},
		{"0 0 29 2 *", "2023-01-01 00:00", "2024-02-29 00:00"},
		{"0 12 * * 7", "2023-06-01 00:00", "2023-06-04 12:00"},
	} {
		s := mustParse(t, c.schedule, "Europe/Berlin")
		after, _ := time.ParseInLocation(layout, c.after, s.loc)
		got, ok := s.Next(after)
		if !ok || got.Format(layout) != c.want {
			t.Errorf("%s after %s: got %s, %v, want %s", c.schedule, c.after, got, ok, c.want)
		}
	}
}

func TestEitherDayIsEnough(t *testing.T) {
	s := mustParse(t, "0 0 13 * fri", "UTC")
	var got []string
	for _, next := range s.Upcoming(time.Date(2023, 6, 1, 12, 0, 0, 0, time.UTC), 4) {
		got = append(got, next.Format("02"))
	}
	if want := []string{"02", "09", "13", "16"}; len(got) != 4 || got[0] != want[0] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNoSuchDay(t *testing.T) {
	s := mustParse(t, "0 0 30 2 *", "UTC")
	if got, ok := s.Next(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)); ok {
		t.Errorf("got %s", got)
	}
}

func TestAfterSecondsInAnotherZone(t *testing.T) {
	s := mustParse(t, "0 12 * * *", "Asia/Kolkata")
	got, ok := s.Next(time.Date(2023, 1, 1, 6, 29, 59, 999, time.UTC))
	if want := time.Date(2023, 1, 1, 6, 30, 0, 0, time.UTC); !ok || !got.Equal(want) || got.Location() != s.loc {
		t.Errorf("got %s, %v", got, ok)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* * 0 * *", "* * * foo *"} {
		if _, err := Parse(text, time.UTC); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
