package search_test

import (
	"strings"
	"testing"

	"example.org/transit/search"
	"example.org/transit/timetable"
)

func arrival(t *testing.T, text string) string {
	t.Helper()
	n, err := timetable.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	found, err := search.Earliest(n, "A", "C", 480)
	if err != nil {
		t.Fatal(err)
	}
	return found.Arrive().String()
}

func TestTwinStayingInASlowerVehicle(t *testing.T) {
	got := arrival(t, "station B change 5\ntrip X 1 : A 08:00, B 08:10\ntrip Y 1 : A 08:00, B 08:12, C 08:30\ntrip Z 1 : B 08:40, C 09:00")
	if got != "08:20" {
		t.Errorf("arrives at %s", got)
	}
}

func TestTwinARideIsBetterThanAWalkBeforeAWalk(t *testing.T) {
	got := arrival(t, "walk A B 5\nwalk B C 5\ntrip X 1 : A 08:00, B 08:07")
	if got != "08:10" {
		t.Errorf("arrives at %s", got)
	}
}
