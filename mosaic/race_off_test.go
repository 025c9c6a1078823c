//go:build !race

package mosaic

// underRace tells whether the race detector, which allocates too, is on.
const underRace = false
