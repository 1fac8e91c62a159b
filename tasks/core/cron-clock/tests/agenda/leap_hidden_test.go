package agenda_test

import (
	"fmt"
	"testing"
	"time"

	"example.org/almanac/agenda"
	"example.org/almanac/schedule"
	"example.org/almanac/zone"
)

func TestDueOnTheDayOfALeap(t *testing.T) {
	a := agenda.New()
	for job, c := range map[string][2]string{
		"backup": {"30 2 * * *", "Europe/Berlin"},
		"report": {"0,30 2 * * *", "Europe/Berlin"},
		"sync":   {"0 * * * *", "UTC"},
	} {
		loc, err := zone.Load(c[1])
		if err != nil {
			t.Fatal(err)
		}
		s, err := schedule.Parse(c[0], loc)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(job, s); err != nil {
			t.Fatal(err)
		}
	}
	for from, want := range map[time.Time]string{
		time.Date(2023, 3, 26, 0, 0, 0, 0, time.UTC):    " backup 01:00 report 01:00 sync 01:00 sync 02:00",
		time.Date(2023, 10, 28, 23, 59, 0, 0, time.UTC): " report 00:00 sync 00:00 backup 00:30 report 00:30 sync 01:00",
	} {
		got := ""
		for _, run := range a.Due(from, from.Add(2*time.Hour)) {
			got += fmt.Sprintf(" %s %s", run.Job, run.At.UTC().Format("15:04"))
		}
		if got != want {
			t.Errorf("from %s:\n got%s\nwant%s", from, got, want)
		}
	}
}
