// Command route finds a way through a timetable.
package main

import (
	"flag"
	"fmt"
	"os"

	"example.org/transit/search"
	"example.org/transit/timetable"
)

func run(path, from, to, at string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := timetable.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	depart, err := timetable.ParseMinute(at)
	if err != nil {
		return err
	}
	found, err := search.Earliest(n, from, to, depart)
	if err != nil {
		return err
	}
	fmt.Print(found)
	return nil
}

func main() {
	from := flag.String("from", "", "station to start from")
	to := flag.String("to", "", "station to go to")
	at := flag.String("at", "00:00", "earliest time to start")
	flag.Parse()
	if err := run(flag.Arg(0), *from, *to, *at); err != nil {
		fmt.Fprintln(os.Stderr, "route:", err)
		os.Exit(1)
	}
}
