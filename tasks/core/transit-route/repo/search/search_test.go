package search

import (
	"errors"
	"os"
	"strings"
	"testing"

	"example.org/transit/network"
	"example.org/transit/timetable"
)

func read(t *testing.T, text string) *network.Network {
	t.Helper()
	n, err := timetable.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func find(t *testing.T, n *network.Network, from, to, at string) string {
	t.Helper()
	depart, err := timetable.ParseMinute(at)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Earliest(n, from, to, depart)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, line := range strings.Split(strings.TrimSuffix(found.String(), "\n"), "\n") {
		parts = append(parts, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(parts, "; ")
}

func TestRegion(t *testing.T) {
	file, err := os.Open("../testdata/region.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n, err := timetable.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][4]string{
		{"Halle", "Gotha", "08:00", "08:00 Halle 08:36 Erfurt RE 16; 08:41 Erfurt 09:02 Gotha RB 20"},
		{"Halle", "Gotha", "08:01", "09:00 Halle 09:36 Erfurt RE 18; 10:41 Erfurt 11:02 Gotha RB 24"},
		{"Halle", "Eisenach", "07:30", "08:00 Halle 09:10 Eisenach RE 16"},
		{"Erfurt", "Weimar", "08:00", "08:00 Erfurt 08:12 Erfurt-Nord walk; 08:12 Erfurt-Nord 08:30 Weimar S 1"},
		{"Gotha", "Halle", "08:00", "there is no way"},
	} {
		if got := find(t, n, c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%s to %s at %s: got %s", c[0], c[1], c[2], got)
		}
	}
}

func TestChangingTakesTime(t *testing.T) {
	n := read(t, "station B change 4\ntrip R 1 : A 08:00, B 08:10\ntrip R 2 : B 08:13, C 08:20\ntrip R 3 : B 08:14, C 08:21")
	if got, want := find(t, n, "A", "C", "08:00"), "08:00 A 08:10 B R 1; 08:14 B 08:21 C R 3"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestWalksAreNotJoined(t *testing.T) {
	n := read(t, "walk A B 5\nwalk B C 5")
	if got := find(t, n, "A", "C", "08:00"); got != ErrNoWay.Error() {
		t.Errorf("got %s", got)
	}
}

func TestUnknownStation(t *testing.T) {
	n := read(t, "walk A B 5")
	if _, err := Earliest(n, "A", "X", 0); err == nil || errors.Is(err, ErrNoWay) {
		t.Errorf("got %v", err)
	}
}

func TestFromAStationToItself(t *testing.T) {
	n := read(t, "walk A B 5")
	if found, err := Earliest(n, "A", "A", 480); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
}
