// Command logtail prints the last lines of its input.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"example.org/logtail/tail"
)

func main() {
	keep := flag.Int("keep", 100, "number of lines to keep")
	pattern := flag.String("pattern", "", "print only lines that contain this")
	flag.Parse()
	if *keep < 1 {
		fmt.Fprintln(os.Stderr, "logtail: -keep must be at least 1")
		os.Exit(2)
	}
	t := tail.New(*keep)
	if _, err := t.ReadFrom(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "logtail:", err)
		os.Exit(1)
	}
	lines, missed := t.Since(0)
	if missed > 0 {
		fmt.Printf("... %d earlier lines\n", missed)
	}
	for _, line := range lines {
		if strings.Contains(line.Text, *pattern) {
			fmt.Printf("%6d  %s\n", line.Number, line.Text)
		}
	}
}
