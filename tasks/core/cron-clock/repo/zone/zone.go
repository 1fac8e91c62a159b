// Package zone knows time zones without those of the machine.
package zone

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zones
)

// Load returns a zone of the IANA database.
func Load(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return nil, fmt.Errorf("no time zone named %q", name)
	}
	return loc, nil
}
