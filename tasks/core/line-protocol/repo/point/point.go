// Package point describes one measurement.
package point

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Tag is a property of what was measured.
type Tag struct {
	Key, Value string
}

// Field is something that was measured. The value is a float64, int64, bool or string.
type Field struct {
	Key   string
	Value any
}

// Point is one measurement. Tags and fields have an order, and keys may occur more than once.
type Point struct {
	Name   string
	Tags   []Tag
	Fields []Field
	Time   int64 // nanoseconds since 1970
	Timed  bool  // whether there is a time
}

func checkText(what, text string) error {
	if text == "" {
		return fmt.Errorf("empty %s", what)
	}
	if strings.ContainsAny(text, "\n\r") {
		return fmt.Errorf("line break in %s %q", what, text)
	}
	return nil
}

func (f Field) check() error {
	if err := checkText("field key", f.Key); err != nil {
		return err
	}
	switch value := f.Value.(type) {
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Errorf("field %q: %v is not a finite number", f.Key, value)
		}
	case int64, bool, string:
	default:
		return fmt.Errorf("field %q: cannot have a value of type %T", f.Key, f.Value)
	}
	return nil
}

// Check says what is wrong with a point.
func (p Point) Check() error {
	if err := checkText("name", p.Name); err != nil {
		return err
	}
	for _, tag := range p.Tags {
		if err := checkText("tag key", tag.Key); err != nil {
			return err
		}
		if err := checkText("tag value", tag.Value); err != nil {
			return err
		}
	}
	if len(p.Fields) == 0 {
		return errors.New("no fields")
	}
	for _, field := range p.Fields {
		if err := field.check(); err != nil {
			return err
		}
	}
	return nil
}
