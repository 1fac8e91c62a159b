// Command linecat checks files of points and prints them in a uniform way.
package main

import (
	"fmt"
	"os"

	"example.org/linegram/batch"
)

func run(path string) (clean bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	points, bad, err := batch.Read(file)
	if err != nil {
		return false, err
	}
	for _, e := range bad {
		fmt.Fprintf(os.Stderr, "%s: %v\n", path, e)
	}
	return len(bad) == 0, batch.Write(os.Stdout, points)
}

func main() {
	status := 0
	for _, path := range os.Args[1:] {
		clean, err := run(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, "linecat:", err)
		}
		if err != nil || !clean {
			status = 1
		}
	}
	os.Exit(status)
}
