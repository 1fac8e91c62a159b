// Package wire reads and writes points as lines.
package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"example.org/linegram/point"
)

// Parse reads one line, without the line break at its end.
func Parse(line string) (point.Point, error) {
	parts := split(line, ' ')
	if len(parts) < 2 || len(parts) > 3 {
		return point.Point{}, fmt.Errorf("%d parts instead of 2 or 3", len(parts))
	}
	var p point.Point
	if err := parseHead(parts[0], &p); err != nil {
		return point.Point{}, err
	}
	if err := parseFields(parts[1], &p); err != nil {
		return point.Point{}, err
	}
	if len(parts) == 3 {
		time, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			return point.Point{}, fmt.Errorf("bad time %q", parts[2])
		}
		p.Time, p.Timed = time, true
	}
	if err := p.Check(); err != nil {
		return point.Point{}, err
	}
	return p, nil
}

func parseHead(text string, p *point.Point) error {
	parts := split(text, ',')
	p.Name = unescape(parts[0])
	for _, part := range parts[1:] {
		pair := split(part, '=')
		if len(pair) != 2 {
			return fmt.Errorf("bad tag %q", part)
		}
		p.Tags = append(p.Tags, point.Tag{Key: unescape(pair[0]), Value: unescape(pair[1])})
	}
	return nil
}

func parseFields(text string, p *point.Point) error {
	for _, part := range split(text, ',') {
		pair := split(part, '=')
		if len(pair) != 2 {
			return fmt.Errorf("bad field %q", part)
		}
		value, err := parseValue(pair[1])
		if err != nil {
			return err
		}
		p.Fields = append(p.Fields, point.Field{Key: unescape(pair[0]), Value: value})
	}
	return nil
}

func parseValue(text string) (any, error) {
	switch {
	case text == "":
		return nil, errors.New("empty field value")
	case text == "true", text == "false":
		return text == "true", nil
	case len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"':
		return unquote(text), nil
	case strings.HasSuffix(text, "i"):
		value, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("bad integer %q", text)
		}
		return value, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("bad field value %q", text)
	}
	return value, nil
}
