// Package network describes stations, trips and footpaths.
package network

import "fmt"

// Minute is a time of day in minutes since midnight. Times of the next day are 1440 and more.
type Minute int

func (m Minute) String() string { return fmt.Sprintf("%02d:%02d", int(m)/60, int(m)%60) }

// Stop is a vehicle at a station.
type Stop struct {
	Station        string
	Arrive, Depart Minute
}

// Trip is one run of one vehicle.
type Trip struct {
	Line, Number string
	Stops        []Stop
}

// Name is the line and the number.
func (t *Trip) Name() string { return t.Line + " " + t.Number }

// Call is one stop of one trip.
type Call struct {
	Trip  *Trip
	Index int
}

// Stop is what the timetable says about the call.
func (c Call) Stop() Stop { return c.Trip.Stops[c.Index] }

// Next is the following stop of the trip; false at the last one.
func (c Call) Next() (Call, bool) {
	if c.Index+1 == len(c.Trip.Stops) {
		return Call{}, false
	}
	return Call{c.Trip, c.Index + 1}, true
}

// Walk is a footpath to another station.
type Walk struct {
	To      string
	Minutes Minute
}

// Network is a timetable with what belongs to it.
type Network struct {
	Trips   []*Trip
	changes map[string]Minute
	calls   map[string][]Call
	walks   map[string][]Walk
}

// New returns an empty network.
func New() *Network {
	return &Network{changes: map[string]Minute{}, calls: map[string][]Call{}, walks: map[string][]Walk{}}
}

// AddStation adds a station, or sets how long changing takes there.
func (n *Network) AddStation(name string, change Minute) error {
	if change < 0 {
		return fmt.Errorf("station %s: changing cannot take %d minutes", name, change)
	}
	n.changes[name] = change
	return nil
}

func (n *Network) touch(station string) {
	if _, known := n.changes[station]; !known {
		n.changes[station] = 0
	}
}

// AddWalk adds a footpath in both directions.
func (n *Network) AddWalk(a, b string, minutes Minute) error {
	if a == b || minutes < 1 {
		return fmt.Errorf("walk from %s to %s: cannot take %d minutes", a, b, minutes)
	}
	n.touch(a)
	n.touch(b)
	n.walks[a] = append(n.walks[a], Walk{b, minutes})
	n.walks[b] = append(n.walks[b], Walk{a, minutes})
	return nil
}

// AddTrip adds a trip.
func (n *Network) AddTrip(trip *Trip) error {
	if len(trip.Stops) < 2 {
		return fmt.Errorf("trip %s: fewer than two stops", trip.Name())
	}
	for i, stop := range trip.Stops {
		if stop.Depart < stop.Arrive || (i > 0 && stop.Arrive <= trip.Stops[i-1].Depart) {
			return fmt.Errorf("trip %s: times go back at %s", trip.Name(), stop.Station)
		}
	}
	n.Trips = append(n.Trips, trip)
	for i, stop := range trip.Stops {
		n.touch(stop.Station)
		n.calls[stop.Station] = append(n.calls[stop.Station], Call{trip, i})
	}
	return nil
}

// Has says whether there is a station.
func (n *Network) Has(station string) bool {
	_, known := n.changes[station]
	return known
}

// Change is how long changing takes at a station.
func (n *Network) Change(station string) Minute { return n.changes[station] }

// Calls lists the stops at a station.
func (n *Network) Calls(station string) []Call { return n.calls[station] }

// Walks lists the footpaths from a station.
func (n *Network) Walks(station string) []Walk { return n.walks[station] }
