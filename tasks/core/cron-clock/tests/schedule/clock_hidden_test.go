package schedule_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"example.org/almanac/schedule"
	"example.org/almanac/zone"
)

const layout = "2006-01-02 15:04 -0700"

func load(t *testing.T, zoneName, text string) *schedule.Schedule {
	t.Helper()
	loc, err := zone.Load(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Parse(text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	m, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// expectFrom checks the next times after a moment.
func expectFrom(t *testing.T, zoneName, text, after string, want ...string) {
	t.Helper()
	var got []string
	for _, next := range load(t, zoneName, text).Upcoming(moment(t, after), len(want)) {
		got = append(got, next.Format(layout))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s %q after %s:\n got %q\nwant %q", zoneName, text, after, got, want)
	}
}

func TestClockSetForward(t *testing.T) {
	expectFrom(t, "Europe/Berlin", "30 2 * * *", "2023-03-25 02:30 +0100",
		"2023-03-26 03:00 +0200", "2023-03-27 02:30 +0200")
	expectFrom(t, "America/New_York", "15 2 12 3 *", "2023-01-01 00:00 -0500",
		"2023-03-12 03:00 -0400", "2024-03-12 02:15 -0400")
	expectFrom(t, "Europe/Berlin", "59 1 * * *", "2023-03-25 12:00 +0100",
		"2023-03-26 01:59 +0100", "2023-03-27 01:59 +0200")
}

func TestSeveralSkippedMinutesCountOnce(t *testing.T) {
	expectFrom(t, "Europe/Berlin", "*/20 2 * * *", "2023-03-25 02:30 +0100",
		"2023-03-25 02:40 +0100", "2023-03-26 03:00 +0200", "2023-03-27 02:00 +0200")
	expectFrom(t, "Europe/Berlin", "0,30 1-3 * * *", "2023-03-26 01:10 +0100",
		"2023-03-26 01:30 +0100", "2023-03-26 03:00 +0200", "2023-03-26 03:30 +0200", "2023-03-27 01:00 +0200")
	expectFrom(t, "Europe/Berlin", "0 3 * * *", "2023-03-26 00:00 +0100",
		"2023-03-26 03:00 +0200", "2023-03-27 03:00 +0200")
}

func TestClockSetBack(t *testing.T) {
	expectFrom(t, "America/New_York", "30 1 * * *", "2023-11-04 12:00 -0400",
		"2023-11-05 01:30 -0400", "2023-11-06 01:30 -0500")
	expectFrom(t, "Europe/Berlin", "30 2 * * *", "2023-10-28 12:00 +0200",
		"2023-10-29 02:30 +0200", "2023-10-30 02:30 +0100")
	expectFrom(t, "Europe/Berlin", "0,59 2,3 29 10 *", "2023-10-29 00:00 +0200",
		"2023-10-29 02:00 +0200", "2023-10-29 02:59 +0200", "2023-10-29 03:00 +0100", "2023-10-29 03:59 +0100")
}

func TestAfterInARepeatedHour(t *testing.T) {
	expectFrom(t, "Europe/Berlin", "30 2 * * *", "2023-10-29 02:45 +0200", "2023-10-30 02:30 +0100")
	expectFrom(t, "Europe/Berlin", "30 2 * * *", "2023-10-29 02:10 +0100", "2023-10-30 02:30 +0100")
	expectFrom(t, "America/New_York", "10 1-2 * * *", "2023-11-05 01:30 -0400",
		"2023-11-05 02:10 -0500", "2023-11-06 01:10 -0500")
	expectFrom(t, "America/New_York", "* 1 5 11 *", "2023-11-05 01:57 -0400",
		"2023-11-05 01:58 -0400", "2023-11-05 01:59 -0400", "2024-11-05 01:00 -0500")
}

func TestHalfAnHour(t *testing.T) {
	expectFrom(t, "Australia/Lord_Howe", "15 2 * * *", "2023-09-30 12:00 +1030",
		"2023-10-01 02:30 +1100", "2023-10-02 02:15 +1100")
	expectFrom(t, "Australia/Lord_Howe", "0,30,45 2 * * *", "2023-10-01 00:00 +1030",
		"2023-10-01 02:30 +1100", "2023-10-01 02:45 +1100", "2023-10-02 02:00 +1100")
	expectFrom(t, "Australia/Lord_Howe", "15,45 1 * * *", "2023-04-02 00:00 +1100",
		"2023-04-02 01:15 +1100", "2023-04-02 01:45 +1100", "2023-04-03 01:15 +1030")
	expectFrom(t, "Australia/Lord_Howe", "45 * * * *", "2023-04-02 01:00 +1100",
		"2023-04-02 01:45 +1100", "2023-04-02 01:45 +1030", "2023-04-02 02:45 +1030")
}

func TestDaysWithoutAMidnight(t *testing.T) {
	expectFrom(t, "America/Sao_Paulo", "0 0 * * *", "2018-11-03 00:00 -0300",
		"2018-11-04 01:00 -0200", "2018-11-05 00:00 -0200")
	expectFrom(t, "America/Sao_Paulo", "30 0 * 11 sun", "2018-11-01 00:00 -0300",
		"2018-11-04 01:00 -0200", "2018-11-11 00:30 -0200")
	expectFrom(t, "America/Asuncion", "0 0 1 * *", "2017-09-15 00:00 -0400",
		"2017-10-01 01:00 -0300", "2017-11-01 00:00 -0300")
	expectFrom(t, "America/Sao_Paulo", "30 23 * * sat", "2018-02-17 12:00 -0200",
		"2018-02-17 23:30 -0200", "2018-02-24 23:30 -0300")
	expectFrom(t, "America/Sao_Paulo", "0 5 4 nov *", "2018-10-01 00:00 -0300",
		"2018-11-04 05:00 -0200")
}

func TestADayThatDidNotExist(t *testing.T) {
	expectFrom(t, "Pacific/Apia", "0 12 30 12 *", "2011-12-01 00:00 -1000",
		"2011-12-31 00:00 +1400", "2012-12-30 12:00 +1400")
	expectFrom(t, "Pacific/Apia", "0 6,18 * * *", "2011-12-29 07:00 -1000",
		"2011-12-29 18:00 -1000", "2011-12-31 00:00 +1400", "2011-12-31 06:00 +1400")
	expectFrom(t, "Pacific/Apia", "0 */6 * * *", "2011-12-29 12:00 -1000",
		"2011-12-29 18:00 -1000", "2011-12-31 00:00 +1400", "2011-12-31 06:00 +1400")
}

func TestEveryHourGoesOnAsTheClockShows(t *testing.T) {
	expectFrom(t, "Europe/Berlin", "0 */2 * * *", "2023-10-29 00:30 +0200",
		"2023-10-29 02:00 +0200", "2023-10-29 02:00 +0100", "2023-10-29 04:00 +0100")
	expectFrom(t, "Europe/Berlin", "0 */2 * * *", "2023-03-26 00:30 +0100", "2023-03-26 04:00 +0200")
	expectFrom(t, "America/New_York", "30 * 5 * *", "2023-11-05 00:45 -0400",
		"2023-11-05 01:30 -0400", "2023-11-05 01:30 -0500", "2023-11-05 02:30 -0500")
	expectFrom(t, "America/New_York", "30 */3 5 11 *", "2023-11-04 00:45 -0400",
		"2023-11-05 00:30 -0400", "2023-11-05 03:30 -0500")
}

func TestIntervalsAreNotDisturbed(t *testing.T) {
	expectFrom(t, "Europe/Berlin", "*/30 * * * *", "2023-10-29 02:00 +0200",
		"2023-10-29 02:30 +0200", "2023-10-29 02:00 +0100", "2023-10-29 02:30 +0100", "2023-10-29 03:00 +0100")
	expectFrom(t, "Europe/Berlin", "*/30 * * * *", "2023-03-26 01:00 +0100",
		"2023-03-26 01:30 +0100", "2023-03-26 03:00 +0200")
	expectFrom(t, "America/Sao_Paulo", "20 * * * *", "2018-11-03 23:00 -0300",
		"2018-11-03 23:20 -0300", "2018-11-04 01:20 -0200")
}

func TestQuietDaysAreAsBefore(t *testing.T) {
	expectFrom(t, "Europe/Berlin", "0 0 29 feb *", "2023-01-01 00:00 +0100",
		"2024-02-29 00:00 +0100", "2028-02-29 00:00 +0100")
	expectFrom(t, "Asia/Kolkata", "45 23 31 12 *", "2023-06-01 00:00 +0000",
		"2023-12-31 23:45 +0530", "2024-12-31 23:45 +0530")
	expectFrom(t, "UTC", "0 0 13 * fri", "2023-10-07 00:00 +0000",
		"2023-10-13 00:00 +0000", "2023-10-20 00:00 +0000")
}

func TestNothingWithinTenYears(t *testing.T) {
	for _, zoneName := range []string{"UTC", "America/Sao_Paulo", "Australia/Lord_Howe"} {
		s := load(t, zoneName, "0 0 31 4,6,9,11 *")
		if got, ok := s.Next(moment(t, "2017-01-01 00:00 +0000")); ok {
			t.Errorf("%s: got %s", zoneName, got)
		}
	}
}

// byTheRules walks through all minutes of a window and applies the rules one by one.
func byTheRules(loc *time.Location, from, to time.Time, everyHour bool, names func(time.Time) bool) []time.Time {
	wall := func(at time.Time) time.Time {
		local := at.In(loc)
		_, offset := local.Zone()
		return at.UTC().Add(time.Duration(offset) * time.Second)
	}
	seen := map[time.Time]bool{}
	var runs []time.Time
	previous := wall(from.Add(-72*time.Hour - time.Minute))
	for at := from.Add(-72 * time.Hour); at.Before(to); at = at.Add(time.Minute) {
		now := wall(at)
		runsHere := names(now) && (everyHour || !seen[now])
		for skipped := previous.Add(time.Minute); skipped.Before(now) && !everyHour; skipped = skipped.Add(time.Minute) {
			runsHere = runsHere || names(skipped)
		}
		seen[now] = true
		previous = now
		if runsHere && at.After(from) {
			runs = append(runs, at)
		}
	}
	return runs
}

func TestEveryMinuteAroundEveryLeap(t *testing.T) {
	in := func(n int, allowed ...int) bool {
		for _, other := range allowed {
			if n == other {
				return true
			}
		}
		return false
	}
	schedules := []struct {
		text      string
		everyHour bool
		names     func(time.Time) bool
	}{
		{"0 0 * * *", false, func(w time.Time) bool { return w.Hour() == 0 && w.Minute() == 0 }},
		{"5,35 1-3 * * *", false, func(w time.Time) bool { return in(w.Hour(), 1, 2, 3) && in(w.Minute(), 5, 35) }},
		{"59 0,2,23 * * *", false, func(w time.Time) bool { return in(w.Hour(), 0, 2, 23) && w.Minute() == 59 }},
		{"*/7 2 * * *", false, func(w time.Time) bool { return w.Hour() == 2 && w.Minute()%7 == 0 }},
		{"40 */2 * * *", true, func(w time.Time) bool { return w.Hour()%2 == 0 && w.Minute() == 40 }},
		{"10 * * * sat", true, func(w time.Time) bool { return w.Weekday() == time.Saturday && w.Minute() == 10 }},
		{"0 0-2 1,30 * fri", false, func(w time.Time) bool {
			return w.Minute() == 0 && w.Hour() <= 2 && (in(w.Day(), 1, 30) || w.Weekday() == time.Friday)
		}},
	}
	for zoneName, leaps := range map[string][]string{
		"Europe/Berlin":       {"2023-03-26 01:00 +0000", "2023-10-29 01:00 +0000"},
		"America/New_York":    {"2023-03-12 07:00 +0000", "2023-11-05 06:00 +0000"},
		"America/Sao_Paulo":   {"2018-11-04 03:00 +0000", "2018-02-18 02:00 +0000"},
		"America/Asuncion":    {"2017-10-01 04:00 +0000", "2018-03-25 03:00 +0000"},
		"Australia/Lord_Howe": {"2023-09-30 15:30 +0000", "2023-04-01 15:00 +0000"},
		"Pacific/Apia":        {"2011-12-30 10:00 +0000"},
		"Asia/Kathmandu":      {"2023-03-26 01:00 +0000"},
	} {
		loc, err := zone.Load(zoneName)
		if err != nil {
			t.Fatal(err)
		}
		for _, leap := range leaps {
			from, to := moment(t, leap).Add(-30*time.Hour), moment(t, leap).Add(30*time.Hour)
			for _, c := range schedules {
				var got []time.Time
				for _, next := range load(t, zoneName, c.text).Upcoming(from, 80) {
					if next.Before(to) {
						got = append(got, next.UTC())
					}
				}
				want := byTheRules(loc, from.UTC(), to.UTC(), c.everyHour, c.names)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s %q:\n got %v\nwant %v", zoneName, c.text, got, want)
				}
			}
		}
	}
}

func TestNextIsTheSameFromEveryMinuteBefore(t *testing.T) {
	for _, c := range []struct{ zoneName, text, from, until string }{
		{"Europe/Berlin", "30 2 * * *", "2023-10-28 22:00 +0000", "2023-10-29 06:00 +0000"},
		{"America/New_York", "30 1 * * *", "2023-11-05 03:00 +0000", "2023-11-05 09:00 +0000"},
		{"America/Sao_Paulo", "0 0 * * *", "2018-11-04 00:00 +0000", "2018-11-04 06:00 +0000"},
		{"Australia/Lord_Howe", "45 1 * * *", "2023-04-01 13:00 +0000", "2023-04-01 17:00 +0000"},
	} {
		s := load(t, c.zoneName, c.text)
		runs := s.Upcoming(moment(t, c.from), 3)
		for at := moment(t, c.from); at.Before(moment(t, c.until)); at = at.Add(time.Minute) {
			want := runs[0]
			for _, run := range runs {
				if run.After(at) {
					want = run
					break
				}
			}
			for _, after := range []time.Time{at, at.Add(59 * time.Second)} {
				if got, ok := s.Next(after); !ok || !got.Equal(want) {
					t.Fatalf("%s %q after %s: got %s, want %s", c.zoneName, c.text, after, got, want)
				}
			}
		}
	}
}
