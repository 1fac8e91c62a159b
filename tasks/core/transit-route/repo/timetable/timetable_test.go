package timetable

import (
	"strings"
	"testing"

	"example.org/transit/network"
)

func TestRead(t *testing.T) {
	n, err := Read(strings.NewReader(`
# a comment
station B change 5
walk B C 3
trip RE 16 : A 08:00, B 08:36/08:38, D 24:10
`))
	if err != nil {
		t.Fatal(err)
	}
	if n.Change("B") != 5 || n.Change("A") != 0 || !n.Has("C") || n.Has("X") {
		t.Error("stations are wrong")
	}
	if walks := n.Walks("C"); len(walks) != 1 || walks[0] != (network.Walk{To: "B", Minutes: 3}) {
		t.Errorf("walks from C: %v", walks)
	}
	calls := n.Calls("B")
	if len(calls) != 1 || calls[0].Stop() != (network.Stop{Station: "B", Arrive: 516, Depart: 518}) {
		t.Fatalf("calls at B: %v", calls)
	}
	if next, ok := calls[0].Next(); !ok || next.Stop().Arrive != 1450 || next.Trip.Name() != "RE 16" {
		t.Errorf("next call: %v, %v", next, ok)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, line := range []string{
		"stop A", "station A", "station A change x", "station A change -1", "walk A A 3", "walk A B 0",
		"trip RE : A 08:00, B 09:00", "trip RE 1 : A 08:00", "trip RE 1 : A 08:00, B 08:00",
		"trip RE 1 : A 08:00, B 09:00/08:59", "trip RE 1 : A 8h, B 09:00", "trip RE 1 : A 08:60, B 09:00",
	} {
		if _, err := Read(strings.NewReader(line)); err == nil || !strings.HasPrefix(err.Error(), "line 1: ") {
			t.Errorf("%q: %v", line, err)
		}
	}
}
