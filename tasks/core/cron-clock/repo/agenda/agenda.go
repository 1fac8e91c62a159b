// Package agenda has several jobs with their schedules.
package agenda

import (
	"fmt"
	"sort"
	"time"

	"example.org/almanac/schedule"
)

// Run is one run of a job.
type Run struct {
	Job string
	At  time.Time
}

// Agenda is a set of jobs.
type Agenda struct {
	jobs map[string]*schedule.Schedule
}

// New returns an agenda without jobs.
func New() *Agenda { return &Agenda{jobs: map[string]*schedule.Schedule{}} }

// Add adds a job. Names are unique.
func (a *Agenda) Add(job string, s *schedule.Schedule) error {
	if _, taken := a.jobs[job]; taken {
		return fmt.Errorf("there is already a job named %q", job)
	}
	a.jobs[job] = s
	return nil
}

// Due lists the runs after one time and up to another, by time and then by name.
func (a *Agenda) Due(after, until time.Time) []Run {
	var runs []Run
	for job, s := range a.jobs {
		for at, ok := s.Next(after); ok && !at.After(until); at, ok = s.Next(at) {
			runs = append(runs, Run{Job: job, At: at})
		}
	}
	sort.Slice(runs, func(i, j int) bool {
		if !runs[i].At.Equal(runs[j].At) {
			return runs[i].At.Before(runs[j].At)
		}
		return runs[i].Job < runs[j].Job
	})
	return runs
}
