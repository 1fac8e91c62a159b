package search_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/transit/journey"
	"example.org/transit/network"
	"example.org/transit/search"
	"example.org/transit/timetable"
)

func build(t *testing.T, lines ...string) *network.Network {
	t.Helper()
	n, err := timetable.Read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// faults says what is wrong with a journey by the rules; nothing for a good one.
func faults(n *network.Network, j journey.Journey, from, to string, depart network.Minute) []string {
	var out []string
	note := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	station, now := from, depart
	for i, leg := range j {
		if leg.From != station {
			note("leg %d begins at %s, not at %s", i, leg.From, station)
		}
		earliest := now
		if i > 0 && !leg.IsWalk() && !j[i-1].IsWalk() {
			earliest += n.Change(leg.From)
			if leg.Trip == j[i-1].Trip {
				note("legs %d and %d are one ride", i-1, i)
			}
		}
		if leg.Depart < earliest {
			note("leg %d departs at %s, before %s", i, leg.Depart, earliest)
		}
		if leg.IsWalk() {
			if i > 0 && j[i-1].IsWalk() {
				note("leg %d follows on a walk", i)
			}
			isPath := false
			for _, path := range n.Walks(leg.From) {
				isPath = isPath || path.To == leg.To && leg.Depart+path.Minutes == leg.Arrive
			}
			if !isPath {
				note("there is no walk %+v", leg)
			}
		} else if !isRide(leg) {
			note("there is no ride %+v", leg)
		}
		station, now = leg.To, leg.Arrive
	}
	if station != to {
		note("the journey ends at %s", station)
	}
	return out
}

func isRide(leg journey.Leg) bool {
	for i, first := range leg.Trip.Stops {
		if first.Station != leg.From || first.Depart != leg.Depart {
			continue
		}
		for _, last := range leg.Trip.Stops[i+1:] {
			if last.Station == leg.To && last.Arrive == leg.Arrive {
				return true
			}
		}
	}
	return false
}

// expect checks a journey and when it arrives; "" where there should be no way.
func expect(t *testing.T, n *network.Network, from, to, at, arrive string) {
	t.Helper()
	depart, err := timetable.ParseMinute(at)
	if err != nil {
		t.Fatal(err)
	}
	found, err := search.Earliest(n, from, to, depart)
	if err != nil {
		if arrive != "" || err != search.ErrNoWay {
			t.Errorf("%s to %s at %s: %v, want arrival at %s", from, to, at, err, arrive)
		}
		return
	}
	for _, fault := range faults(n, found, from, to, depart) {
		t.Errorf("%s to %s at %s: %s\n%s", from, to, at, fault, found)
	}
	if got := found.Arrive().String(); got != arrive {
		t.Errorf("%s to %s at %s: arrives at %s, not at %q\n%s", from, to, at, got, arrive, found)
	}
}

func TestStayingInASlowerVehicle(t *testing.T) {
	n := build(t, "station B change 5", "trip X 1 : A 08:00, B 08:10",
		"trip Y 1 : A 08:00, B 08:12, C 08:30", "trip Z 1 : B 08:40, C 09:00")
	expect(t, n, "A", "C", "08:00", "08:30")
	n = build(t, "station B change 9", "station C change 9", "trip X 1 : A 08:00, B 08:10, C 08:20",
		"trip Y 1 : A 08:00, B 08:12/08:15, C 08:25, D 08:40, E 09:00", "trip Z 1 : C 08:34, D 08:50, E 08:55",
		"trip W 1 : D 08:41, E 08:45")
	expect(t, n, "A", "D", "08:00", "08:40")
	expect(t, n, "A", "E", "08:00", "08:45")
}

func TestStayingWhenOthersArriveAtTheSameTime(t *testing.T) {
	for _, order := range [][]string{
		{"trip X 1 : A 08:00, B 08:10", "trip Y 1 : A 08:01, B 08:10, C 08:30"},
		{"trip Y 1 : A 08:01, B 08:10, C 08:30", "trip X 1 : A 08:00, B 08:10"},
	} {
		n := build(t, append(order, "station B change 5", "trip Z 1 : B 08:40, C 09:00")...)
		expect(t, n, "A", "C", "08:00", "08:30")
	}
}

func TestTwoTripsOfOneLine(t *testing.T) {
	n := build(t, "station B change 6", "trip R 1 : A 08:00, B 08:20, C 08:40",
		"trip R 2 : A 08:05, B 08:15", "trip R 3 : B 08:17, C 08:30", "trip R 4 : B 08:50, C 09:10")
	expect(t, n, "A", "C", "08:00", "08:40")
	expect(t, n, "A", "C", "08:01", "09:10")
	n = build(t, "station B change 5", "trip R 1 : A 08:00, B 08:20/08:30, C 08:50", "trip R 2 : B 08:24, C 08:40",
		"trip R 3 : B 08:25, C 08:45")
	expect(t, n, "A", "C", "08:00", "08:45")
}

func TestAWalkIsBetterThanChanging(t *testing.T) {
	lines := []string{"station B change 10", "walk A2 B 4", "trip X 1 : A 08:00, B 08:10",
		"trip Y 1 : A 08:00, A2 08:09", "trip Z 1 : B 08:15, C 08:30", "trip Z 2 : B 09:15, C 09:30"}
	expect(t, build(t, lines...), "A", "C", "08:00", "08:30")
	expect(t, build(t, append(lines, "trip Z 3 : B 08:20, C 08:29")...), "A", "C", "08:00", "08:29")
	expect(t, build(t, append(lines, "trip Z 4 : B 08:12, C 08:20")...), "A", "C", "08:00", "08:30")
}

func TestARideIsBetterThanAWalkBeforeAWalk(t *testing.T) {
	n := build(t, "walk A B 5", "walk B C 5", "trip X 1 : A 08:00, B 08:07")
	expect(t, n, "A", "B", "08:00", "08:05")
	expect(t, n, "A", "C", "08:00", "08:12")
	expect(t, n, "A", "C", "08:01", "")
	n = build(t, "station B change 8", "walk A2 B 1", "walk B C 30", "trip X 1 : A 08:00, A2 08:02, B 08:09",
		"trip Z 1 : B 08:04, D 08:20", "trip Z 2 : B 08:17, E 08:33")
	expect(t, n, "A", "C", "08:00", "08:39")
	expect(t, n, "A", "D", "08:00", "08:20")
	expect(t, n, "A", "E", "08:00", "08:33")
}

func TestStayingPastAStationReachedOnFoot(t *testing.T) {
	n := build(t, "station B change 5", "walk A B 3", "trip X 1 : A 08:00, B 08:10, C 08:20",
		"trip Z 1 : B 08:11, C 08:25")
	expect(t, n, "A", "C", "08:00", "08:20")
	expect(t, n, "A", "C", "08:01", "08:20")
	n = build(t, "station B change 5", "walk A B 3", "trip X 1 : A 08:00, B 08:02, C 08:20",
		"trip Z 1 : B 08:03, C 08:10")
	expect(t, n, "A", "C", "08:00", "08:10")
	expect(t, n, "A", "C", "08:01", "")
}

func TestATripThatComesBack(t *testing.T) {
	n := build(t, "station B change 20", "trip X 1 : A 08:00, B 08:10, L 08:15, B 08:20, C 08:30",
		"trip Y 1 : A 08:05, B 08:09", "trip Z 1 : B 08:32, D 08:40", "trip Z 2 : B 08:29, D 08:35")
	expect(t, n, "A", "C", "08:00", "08:30")
	expect(t, n, "A", "D", "08:00", "08:35")
	expect(t, n, "L", "C", "08:12", "08:30")
}

func TestNoTimeForChangingAtTheBeginning(t *testing.T) {
	n := build(t, "station A change 60", "walk A B 2", "station B change 60", "trip X 1 : A 08:00, C 08:30",
		"trip Y 1 : B 08:02, C 08:20", "trip Y 2 : C 08:20, A 08:50, D 09:00")
	expect(t, n, "A", "C", "08:00", "08:20")
	expect(t, n, "A", "C", "08:01", "")
	expect(t, n, "A", "D", "08:00", "09:00")
}

func TestAfterMidnight(t *testing.T) {
	n := build(t, "station B change 5", "trip N 1 : A 23:50, B 24:10, C 24:30", "trip N 2 : A 23:50, B 24:05",
		"trip N 3 : B 24:11, C 24:20")
	expect(t, n, "A", "C", "23:00", "24:20")
	expect(t, n, "A", "C", "23:51", "")
}

// times works out when each station can be reached, round after round until nothing gets better.
func times(n *network.Network, from string, depart network.Minute, stations []string) map[string]network.Minute {
	const never = network.Minute(1 << 30)
	ready, rode, best := map[string]network.Minute{}, map[string]network.Minute{}, map[string]network.Minute{}
	for _, s := range stations {
		ready[s], rode[s], best[s] = never, never, never
	}
	changed := true
	improve := func(m map[string]network.Minute, s string, at network.Minute) {
		if at < m[s] {
			m[s], changed = at, true
		}
	}
	ready[from], best[from] = depart, depart
	for _, path := range n.Walks(from) {
		improve(ready, path.To, depart+path.Minutes)
	}
	for changed {
		changed = false
		for _, trip := range n.Trips {
			inside := false
			for _, stop := range trip.Stops {
				if inside {
					improve(rode, stop.Station, stop.Arrive)
				}
				inside = inside || ready[stop.Station] <= stop.Depart
			}
		}
		for _, s := range stations {
			if rode[s] == never {
				continue
			}
			improve(ready, s, rode[s]+n.Change(s))
			improve(best, s, rode[s])
			for _, path := range n.Walks(s) {
				improve(ready, path.To, rode[s]+path.Minutes)
				improve(best, path.To, rode[s]+path.Minutes)
			}
		}
	}
	for _, path := range n.Walks(from) {
		improve(best, path.To, depart+path.Minutes)
	}
	return best
}

// dice gives numbers that are the same in every run.
type dice uint32

func (d *dice) roll(n int) int {
	*d = *d*1664525 + 1013904223
	return int(uint32(*d)>>8) % n
}

func randomNetwork(t *testing.T, d *dice, stations []string, trips, stops int) *network.Network {
	t.Helper()
	n := network.New()
	for _, s := range stations {
		if err := n.AddStation(s, network.Minute(d.roll(8))); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(stations)/2; i++ {
		if a, b := d.roll(len(stations)), d.roll(len(stations)); a != b {
			if err := n.AddWalk(stations[a], stations[b], network.Minute(1+d.roll(9))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := 0; i < trips; i++ {
		trip := &network.Trip{Line: fmt.Sprint("L", d.roll(3)), Number: fmt.Sprint(i)}
		now, at := network.Minute(480+d.roll(60)), d.roll(len(stations))
		for k := 2 + d.roll(stops-1); k > 0; k-- {
			leave := now + network.Minute(d.roll(4))
			trip.Stops = append(trip.Stops, network.Stop{Station: stations[at], Arrive: now, Depart: leave})
			now = leave + network.Minute(1+d.roll(10))
			at = (at + 1 + d.roll(len(stations)-1)) % len(stations)
		}
		if err := n.AddTrip(trip); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func compare(t *testing.T, n *network.Network, stations []string, from string, depart network.Minute, limit int) {
	t.Helper()
	for i, best := 0, times(n, from, depart, stations); i < len(stations) && i < limit; i++ {
		to := stations[i]
		if to == from {
			continue
		}
		found, err := search.Earliest(n, from, to, depart)
		if err != nil {
			if best[to] < 1<<30 {
				t.Fatalf("%s to %s at %s: %v, possible is %s", from, to, depart, err, best[to])
			}
			continue
		}
		if wrong := faults(n, found, from, to, depart); len(wrong) > 0 {
			t.Fatalf("%s to %s at %s: %s\n%s", from, to, depart, wrong, found)
		}
		if found.Arrive() != best[to] {
			t.Fatalf("%s to %s at %s: possible is %s\n%s", from, to, depart, best[to], found)
		}
	}
}

func TestManySmallNetworks(t *testing.T) {
	d := dice(7)
	stations := []string{"A", "B", "C", "D", "E", "F"}
	for round := 0; round < 400; round++ {
		n := randomNetwork(t, &d, stations, 4+d.roll(9), 5)
		for _, from := range stations {
			compare(t, n, stations, from, network.Minute(470+d.roll(40)), len(stations))
		}
	}
}

func TestALargeNetwork(t *testing.T) {
	d := dice(11)
	var stations []string
	for i := 0; i < 200; i++ {
		stations = append(stations, fmt.Sprint("S", i))
	}
	n := randomNetwork(t, &d, stations, 600, 25)
	compare(t, n, stations, stations[0], 480, 25)
}
