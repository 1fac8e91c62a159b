package search

import (
	"container/heap"

	"example.org/transit/journey"
	"example.org/transit/network"
)

// label says how a station can be reached.
type label struct {
	station  string
	at       network.Minute
	leg      journey.Leg // the last section
	previous *label      // nil at the beginning of the journey
}

// byTime is a heap of labels, the earliest one first.
type byTime []*label

func (q byTime) Len() int           { return len(q) }
func (q byTime) Less(i, j int) bool { return q[i].at < q[j].at }
func (q byTime) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *byTime) Push(x any)        { *q = append(*q, x.(*label)) }

func (q *byTime) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

func (q *byTime) add(l *label)   { heap.Push(q, l) }
func (q *byTime) first() *label  { return heap.Pop(q).(*label) }
func (q *byTime) isEmpty() bool  { return len(*q) == 0 }
func (l *label) isStart() bool   { return l.previous == nil }
func (l *label) afterWalk() bool { return !l.isStart() && l.leg.IsWalk() }
