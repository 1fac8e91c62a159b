// Package journey describes a way through a timetable.
package journey

import (
	"fmt"
	"strings"

	"example.org/transit/network"
)

// Leg is one ride, or a walk.
type Leg struct {
	Trip           *network.Trip // nil for a walk
	From, To       string
	Depart, Arrive network.Minute
}

// IsWalk says whether the leg is a walk.
func (l Leg) IsWalk() bool { return l.Trip == nil }

// Journey is a sequence of legs.
type Journey []Leg

// Arrive is when the journey ends, for one that has legs.
func (j Journey) Arrive() network.Minute { return j[len(j)-1].Arrive }

// Changes is how often one vehicle is left for another one.
func (j Journey) Changes() int {
	rides := 0
	for _, leg := range j {
		if !leg.IsWalk() {
			rides++
		}
	}
	if rides == 0 {
		return 0
	}
	return rides - 1
}

func (j Journey) String() string {
	var out strings.Builder
	for _, leg := range j {
		name := "walk"
		if !leg.IsWalk() {
			name = leg.Trip.Name()
		}
		fmt.Fprintf(&out, "%s %-11s %s %-11s %s\n", leg.Depart, leg.From, leg.Arrive, leg.To, name)
	}
	return out.String()
}
