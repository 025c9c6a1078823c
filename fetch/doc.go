// Package fetch is the network-bound half of cogweave: it brings the headers of COGs and their tiles,
// still compressed, from wherever they lie. It decodes nothing.
//
// A Client is meant to exist once in a process and to be shared by all: every limit (requests, bytes
// and rate under way, retries, cache) is the Client's, not a call's.
//
// What happens to a call of Tiles:
//
//	tiles.go     the call: cached tiles at once, the others as they arrive, in the caller's goroutine
//	board.go     what each ref of the call waits for; coalesce.go makes one run of neighbouring tiles
//	flight.go    single flight: which tiles are under way, who waits for them, who gave up
//	run.go       a run, which is one request: it hands out its tiles as they arrive
//	transfer.go  a run's attempts: retry.go says when to try again, limit.go when to start,
//	             watchdog.go when to give an attempt up
//	store/       one attempt at one range; filestore/, httpstore/ and cloud/ are stores
//
// Headers come by the same transfers: header.go has the calls, headertable.go who waits for what,
// headerread.go the reading, diskheaders.go what other processes have read.
package fetch
