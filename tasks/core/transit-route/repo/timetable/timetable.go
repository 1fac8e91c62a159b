// Package timetable reads networks from text files.
package timetable

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"example.org/transit/network"
)

// Read reads a network.
func Read(r io.Reader) (*network.Network, error) {
	n := network.New()
	scanner := bufio.NewScanner(r)
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := readLine(n, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return n, scanner.Err()
}

func readLine(n *network.Network, line string) error {
	words := strings.Fields(line)
	switch {
	case words[0] == "station" && len(words) == 4 && words[2] == "change":
		minutes, err := strconv.Atoi(words[3])
		if err != nil {
			return fmt.Errorf("bad number %q", words[3])
		}
		return n.AddStation(words[1], network.Minute(minutes))
	case words[0] == "walk" && len(words) == 4:
		minutes, err := strconv.Atoi(words[3])
		if err != nil {
			return fmt.Errorf("bad number %q", words[3])
		}
		return n.AddWalk(words[1], words[2], network.Minute(minutes))
	case words[0] == "trip":
		trip, err := readTrip(strings.TrimPrefix(line, "trip"))
		if err != nil {
			return err
		}
		return n.AddTrip(trip)
	}
	return fmt.Errorf("cannot read %q", line)
}

func readTrip(text string) (*network.Trip, error) {
	name, stops, found := strings.Cut(text, " : ")
	words := strings.Fields(name)
	if !found || len(words) != 2 {
		return nil, fmt.Errorf("a trip has a line, a number, a colon and stops: %q", text)
	}
	trip := &network.Trip{Line: words[0], Number: words[1]}
	for _, part := range strings.Split(stops, ",") {
		words := strings.Fields(part)
		if len(words) != 2 {
			return nil, fmt.Errorf("bad stop %q", part)
		}
		arrive, depart, twoTimes := strings.Cut(words[1], "/")
		if !twoTimes {
			depart = arrive
		}
		stop := network.Stop{Station: words[0]}
		var err error
		if stop.Arrive, err = ParseMinute(arrive); err != nil {
			return nil, err
		}
		if stop.Depart, err = ParseMinute(depart); err != nil {
			return nil, err
		}
		trip.Stops = append(trip.Stops, stop)
	}
	return trip, nil
}

// ParseMinute reads a time such as 08:05 or 25:10.
func ParseMinute(text string) (network.Minute, error) {
	left, right, found := strings.Cut(text, ":")
	hours, err1 := strconv.Atoi(left)
	minutes, err2 := strconv.Atoi(right)
	if !found || err1 != nil || err2 != nil || hours < 0 || minutes < 0 || minutes > 59 {
		return 0, fmt.Errorf("bad time %q", text)
	}
	return network.Minute(hours*60 + minutes), nil
}
