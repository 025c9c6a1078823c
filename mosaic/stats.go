package mosaic

import "sync/atomic"

type counters struct{ decoded atomic.Int64 }

// Stats counts what the engine did since it was made.
type Stats struct {
	DecodedPixels int64
	Memory        int64 // bytes admitted at present
	Threads       int
}

// Stats gives the counters.
func (e *Engine) Stats() Stats {
	return Stats{DecodedPixels: e.stats.decoded.Load(), Memory: e.Budget.Held(), Threads: e.Pool.Threads()}
}
