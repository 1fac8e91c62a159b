// Package field reads one field of a schedule.
package field

import (
	"fmt"
	"strconv"
	"strings"
)

// Set is a set of numbers from 0 to 63.
type Set uint64

// Has says whether a number is in the set.
func (s Set) Has(n int) bool { return n >= 0 && n < 64 && s&(1<<uint(n)) != 0 }

func (s *Set) add(n int) { *s |= 1 << uint(n) }

// Kind describes what may stand in a field.
type Kind struct {
	Name     string
	Min, Max int
	Names    []string // names of the values from Min on
}

// The fields of a schedule in their order.
var (
	Minute  = Kind{Name: "minute", Max: 59}
	Hour    = Kind{Name: "hour", Max: 23}
	Day     = Kind{Name: "day of the month", Min: 1, Max: 31}
	Month   = Kind{Name: "month", Min: 1, Max: 12, Names: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")}
	Weekday = Kind{Name: "day of the week", Max: 7, Names: strings.Fields("sun mon tue wed thu fri sat")}
)

func (k Kind) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s", k.Name, fmt.Sprintf(format, args...))
}

func (k Kind) value(text string) (int, error) {
	for i, name := range k.Names {
		if strings.EqualFold(text, name) {
			return k.Min + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < k.Min || n > k.Max {
		return 0, k.errorf("%q is not from %d to %d", text, k.Min, k.Max)
	}
	return n, nil
}

func (k Kind) bounds(text string) (low, high int, err error) {
	if text == "*" {
		return k.Min, k.Max, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if low, err = k.value(first); err != nil || !isRange {
		return low, low, err
	}
	if high, err = k.value(last); err == nil && high < low {
		err = k.errorf("%q runs backwards", text)
	}
	return low, high, err
}

func (k Kind) parseItem(text string, set *Set) error {
	limits, stepText, hasStep := strings.Cut(text, "/")
	step := 1
	if hasStep {
		n, err := strconv.Atoi(stepText)
		if err != nil || n < 1 || (limits != "*" && !strings.Contains(limits, "-")) {
			return k.errorf("bad step in %q", text)
		}
		step = n
	}
	low, high, err := k.bounds(limits)
	if err != nil {
		return err
	}
	for n := low; n <= high; n += step {
		set.add(n)
	}
	return nil
}

// Parse reads a field.
func (k Kind) Parse(text string) (Set, error) {
	var set Set
	for _, item := range strings.Split(text, ",") {
		if err := k.parseItem(item, &set); err != nil {
			return 0, err
		}
	}
	return set, nil
}
