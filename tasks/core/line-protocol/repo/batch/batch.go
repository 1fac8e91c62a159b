// Package batch reads files of points.
package batch

import (
	"fmt"
	"io"
	"strings"

	"example.org/linegram/point"
	"example.org/linegram/wire"
)

// LineError is what is wrong with a line. Number is that of its first line in the file, from 1.
type LineError struct {
	Number int
	Err    error
}

func (e LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Number, e.Err) }

// Unwrap is the reason.
func (e LineError) Unwrap() error { return e.Err }

// Read reads all points. Bad lines are listed and do not keep others from being read.
func Read(r io.Reader) ([]point.Point, []LineError, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, nil, err
	}
	var points []point.Point
	var bad []LineError
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		p, err := wire.Parse(line)
		if err != nil {
			bad = append(bad, LineError{Number: i + 1, Err: err})
			continue
		}
		points = append(points, p)
	}
	return points, bad, nil
}

// Write writes all points, each followed by a line break.
func Write(w io.Writer, points []point.Point) error {
	for i, p := range points {
		line, err := wire.Format(p)
		if err != nil {
			return fmt.Errorf("point %d: %w", i+1, err)
		}
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}
