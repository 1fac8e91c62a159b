// Package search finds journeys.
package search

import (
	"errors"
	"fmt"

	"example.org/transit/journey"
	"example.org/transit/network"
)

// ErrNoWay is returned where there is no journey.
var ErrNoWay = errors.New("there is no way")

// Earliest finds a journey that begins at a time or later and arrives as early as possible.
func Earliest(n *network.Network, from, to string, depart network.Minute) (journey.Journey, error) {
	for _, station := range []string{from, to} {
		if !n.Has(station) {
			return nil, fmt.Errorf("there is no station named %q", station)
		}
	}
	// Labels come out of the queue in the order of time, so the first one for a station is its best.
	done := map[string]bool{}
	queue := &byTime{{station: from, at: depart}}
	for !queue.isEmpty() {
		l := queue.first()
		if l.station == to {
			return trace(l), nil
		}
		if done[l.station] {
			continue
		}
		done[l.station] = true
		ride(n, l, queue)
		if !l.afterWalk() {
			walk(n, l, queue)
		}
	}
	return nil, ErrNoWay
}

// boardable is from when on a trip can be boarded.
func boardable(n *network.Network, l *label, trip *network.Trip) network.Minute {
	if l.isStart() || l.afterWalk() || l.leg.Trip == trip {
		return l.at
	}
	return l.at + n.Change(l.station)
}

// ride adds the next stops of all trips that can be boarded.
func ride(n *network.Network, l *label, queue *byTime) {
	for _, call := range n.Calls(l.station) {
		next, ok := call.Next()
		if !ok || call.Stop().Depart < boardable(n, l, call.Trip) {
			continue
		}
		queue.add(&label{
			station:  next.Stop().Station,
			at:       next.Stop().Arrive,
			previous: l,
			leg: journey.Leg{
				Trip: call.Trip, From: l.station, To: next.Stop().Station,
				Depart: call.Stop().Depart, Arrive: next.Stop().Arrive,
			},
		})
	}
}

// walk adds the stations that can be reached on foot.
func walk(n *network.Network, l *label, queue *byTime) {
	for _, path := range n.Walks(l.station) {
		queue.add(&label{
			station:  path.To,
			at:       l.at + path.Minutes,
			previous: l,
			leg:      journey.Leg{From: l.station, To: path.To, Depart: l.at, Arrive: l.at + path.Minutes},
		})
	}
}

// trace follows a label back to the beginning and puts the sections of one ride together.
func trace(l *label) journey.Journey {
	var sections []journey.Leg
	for ; !l.isStart(); l = l.previous {
		sections = append(sections, l.leg)
	}
	legs := journey.Journey{}
	for i := len(sections) - 1; i >= 0; i-- {
		section := sections[i]
		if last := len(legs) - 1; last >= 0 && !section.IsWalk() && legs[last].Trip == section.Trip {
			legs[last].To, legs[last].Arrive = section.To, section.Arrive
			continue
		}
		legs = append(legs, section)
	}
	return legs
}
