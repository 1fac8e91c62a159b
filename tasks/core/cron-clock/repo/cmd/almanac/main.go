// Command almanac prints the next times of a schedule.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"example.org/almanac/schedule"
	"example.org/almanac/zone"
)

func run(text, zoneName string, n int) error {
	loc, err := zone.Load(zoneName)
	if err != nil {
		return err
	}
	s, err := schedule.Parse(text, loc)
	if err != nil {
		return err
	}
	for _, next := range s.Upcoming(time.Now(), n) {
		fmt.Println(next.Format("2006-01-02 15:04 MST"))
	}
	return nil
}

func main() {
	zoneName := flag.String("zone", "UTC", "time zone of the schedule")
	n := flag.Int("n", 1, "how many times to print")
	flag.Parse()
	if err := run(flag.Arg(0), *zoneName, *n); err != nil {
		fmt.Fprintln(os.Stderr, "almanac:", err)
		os.Exit(2)
	}
}
