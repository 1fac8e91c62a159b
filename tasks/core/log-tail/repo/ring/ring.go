// Package ring has a buffer of fixed capacity that forgets its oldest items.
package ring

import "fmt"

// Ring holds up to a number of items, in the order in which they were pushed.
type Ring[T any] struct {
	items []T // storage; its length is the capacity
	start int // index of the oldest item
	size  int // number of items
}

// New returns an empty ring. It panics where the capacity is below 1.
func New[T any](capacity int) *Ring[T] {
	checkCapacity(capacity)
	return &Ring[T]{items: make([]T, capacity)}
}

func checkCapacity(capacity int) {
	if capacity < 1 {
		panic(fmt.Sprintf("ring: capacity must be at least 1, not %d", capacity))
	}
}

// Len is the number of items.
func (r *Ring[T]) Len() int { return r.size }

// Cap is the number of items that there is room for.
func (r *Ring[T]) Cap() int { return len(r.items) }

func (r *Ring[T]) index(i int) int { return (r.start + i) % len(r.items) }

// Push adds an item behind the newest one. It reports whether the oldest one was forgotten for it.
func (r *Ring[T]) Push(item T) bool {
	if r.size < len(r.items) {
		r.items[r.index(r.size)] = item
		r.size++
		return false
	}
	r.items[r.start] = item
	r.start = r.index(1)
	return true
}

// At returns an item, 0 being the oldest. It panics where there is none.
func (r *Ring[T]) At(i int) T {
	if i < 0 || i >= r.size {
		panic(fmt.Sprintf("ring: no item %d of %d", i, r.size))
	}
	return r.items[r.index(i)]
}

// Drop forgets the n oldest items, or all where there are not so many.
func (r *Ring[T]) Drop(n int) {
	var zero T
	for ; n > 0 && r.size > 0; n-- {
		r.items[r.start] = zero
		r.start = r.index(1)
		r.size--
	}
}

// Items returns a copy of all items, oldest first.
func (r *Ring[T]) Items() []T {
	return r.Last(r.size)
}

// Last returns a copy of the n newest items, oldest first, or of all where there are not so many.
func (r *Ring[T]) Last(n int) []T {
	if n > r.size {
		n = r.size
	}
	out := make([]T, 0, n)
	for i := r.size - n; i < r.size; i++ {
		out = append(out, r.items[r.index(i)])
	}
	return out
}

// Resize changes the capacity. It panics where the new one is below 1.
func (r *Ring[T]) Resize(capacity int) {
	checkCapacity(capacity)
	items := make([]T, capacity)
	r.size = copy(items, r.items[:r.size])
	r.items = items
	r.start = 0
}
