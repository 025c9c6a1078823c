package fetch

import "sync/atomic"

// Stats are counters since the client was made, and gauges of now.
type Stats struct {
	Requests    int64 // reads that a store was asked for, retries included; of local files too
	Bytes       int64 // bytes of answers that arrived
	Retries     int64 // attempts after the first one at a range
	Hedges      int64 // second requests for an answer that was late
	HeaderHits  int64 // headers that needed no request
	TileHits    int64 // tiles that needed no request: cached, or under way for somebody else
	InFlight    int   // requests under way
	MaxInFlight int   // most requests ever under way
	CacheBytes  int64 // of tiles and headers kept
}

type counters struct {
	requests, bytes, retries, hedges, headerHits, tileHits atomic.Int64
}

// Stats gives the counters.
func (c *Client) Stats() Stats {
	s := Stats{
		Requests: c.stats.requests.Load(), Bytes: c.stats.bytes.Load(), Retries: c.stats.retries.Load(), Hedges: c.stats.hedges.Load(),
		HeaderHits: c.stats.headerHits.Load(), TileHits: c.stats.tileHits.Load(),
		CacheBytes: c.tiles.cache.bytes() + c.headers.cache.bytes(),
	}
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	s.InFlight, s.MaxInFlight = c.limits.inFlight, c.limits.peak
	return s
}
