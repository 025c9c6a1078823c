package main

import (
	"encoding/json"
	"math"
	"runtime"
	"time"

	"cogweave/core"
	"cogweave/core/search"
	"cogweave/fetch"
	"cogweave/fetch/httpstore"
)

// configuration is what cw_configure sets, and gives back. Times are seconds, sizes bytes.
type configuration struct {
	Threads            int      `json:"threads"`      // CPU workers
	MemoryLimit        int64    `json:"memory_limit"` // of caches and reads under way; results are the caller's
	TileCache          int64    `json:"tile_cache"`   // of which compressed tiles
	Lookahead          int      `json:"lookahead"`    // layers of items read before it is known that they are needed
	MaxRequests        int      `json:"max_requests"`
	MaxRequestsPerHost int      `json:"max_requests_per_host"`
	RequestsPerSecond  float64  `json:"requests_per_second"` // 0: no limit
	Retries            int      `json:"retries"`             // after the first attempt at a range
	ConnectTimeout     float64  `json:"connect_timeout"`
	FirstByteTimeout   float64  `json:"first_byte_timeout"`
	StallTimeout       float64  `json:"stall_timeout"`
	AttemptTimeout     float64  `json:"attempt_timeout"`
	TotalTimeout       float64  `json:"total_timeout"`
	CacheDir           string   `json:"cache_dir"` // of headers kept between processes; "": none
	CABundle           string   `json:"ca_bundle"` // PEM file; "": the system's
	DenyLoopback       bool     `json:"deny_loopback"`
	DenyPrivate        bool     `json:"deny_private"`
	AllowHosts         []string `json:"allow_hosts"`
}

const (
	leastMemory = 1 << 20
	mostMemory  = 2 << 30 // of the default
	mostThreads = 1024
	mostSeconds = 24 * 3600
)

func defaultConfiguration() configuration {
	defaults := fetch.New(fetch.Config{}) // never used: it is asked what its defaults are
	defer defaults.Close()
	limits := defaults.Effective()
	memory := int64(mostMemory)
	if machine := physicalMemory(); machine > 0 {
		memory = max(leastMemory, min(memory, machine/4))
	}
	return configuration{
		Threads: runtime.GOMAXPROCS(0), MemoryLimit: memory, TileCache: memory / 8, Lookahead: 1,
		MaxRequests: limits.MaxRequests, MaxRequestsPerHost: limits.MaxRequestsPerHost, Retries: limits.Attempts - 1,
		ConnectTimeout: limits.ConnectTimeout.Seconds(), FirstByteTimeout: limits.FirstByteTimeout.Seconds(),
		StallTimeout: limits.StallTimeout.Seconds(), AttemptTimeout: limits.AttemptTimeout.Seconds(),
		TotalTimeout: limits.TotalTimeout.Seconds(), AllowHosts: []string{},
	}
}

// changed gives the configuration with a request's keys put in place; c stays as it is.
func (c configuration) changed(request string) (configuration, error) {
	var given struct {
		TileCache *json.RawMessage `json:"tile_cache"`
	}
	next := c
	next.AllowHosts = append([]string{}, c.AllowHosts...)
	if err := decode("configure", request, &next); err != nil {
		return c, err
	}
	// A smaller limit takes the cache along, unless the caller says how large that is to be.
	if json.Unmarshal([]byte(request), &given) == nil && given.TileCache == nil {
		next.TileCache = min(next.TileCache, next.MemoryLimit/4)
	}
	return next, next.check()
}

// check refuses what makes no sense, naming the argument.
func (c configuration) check() error {
	within := func(name string, v, low, high float64) error {
		if v >= low && v <= high { // false for NaN
			return nil
		}
		return core.Errorf(core.InvalidArgument, "Configure", "configure: %s=%v is not between %v and %v", name, v, low, high)
	}
	for _, rule := range []struct {
		name         string
		v, low, high float64
	}{
		{"threads", float64(c.Threads), 1, mostThreads},
		{"memory_limit", float64(c.MemoryLimit), leastMemory, math.Ldexp(1, 50)},
		{"tile_cache", float64(c.TileCache), 0, float64(c.MemoryLimit) / 2},
		{"lookahead", float64(c.Lookahead), 1, 1 << 20},
		{"max_requests", float64(c.MaxRequests), 1, 1 << 16},
		{"max_requests_per_host", float64(c.MaxRequestsPerHost), 1, 1 << 16},
		{"requests_per_second", c.RequestsPerSecond, 0, 1e9},
		{"retries", float64(c.Retries), 0, 100},
		{"connect_timeout", c.ConnectTimeout, 1e-3, mostSeconds},
		{"first_byte_timeout", c.FirstByteTimeout, 1e-3, mostSeconds},
		{"stall_timeout", c.StallTimeout, 1e-3, mostSeconds},
		{"attempt_timeout", c.AttemptTimeout, 1e-3, mostSeconds},
		{"total_timeout", c.TotalTimeout, 1e-3, mostSeconds},
	} {
		if err := within(rule.name, rule.v, rule.low, rule.high); err != nil {
			return err
		}
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// orNone writes 0 as fetch.Config writes "without": negative.
func orNone[T int | int64](n T) T {
	if n == 0 {
		return -1
	}
	return n
}

// fetch is the fetch client's part of the configuration. Of the memory an eighth each belongs to headers
// and to what is on the wire, TileCache to compressed tiles, and the rest to reads (mosaicMemory).
func (c configuration) fetch() fetch.Config {
	return fetch.Config{
		ConnectTimeout: seconds(c.ConnectTimeout), FirstByteTimeout: seconds(c.FirstByteTimeout),
		StallTimeout: seconds(c.StallTimeout), AttemptTimeout: seconds(c.AttemptTimeout), TotalTimeout: seconds(c.TotalTimeout),
		Attempts: c.Retries + 1, MaxRequests: c.MaxRequests, MaxRequestsPerHost: c.MaxRequestsPerHost,
		RequestsPerSecond: c.RequestsPerSecond, TileCacheBytes: orNone(c.TileCache),
		HeaderCacheBytes: c.MemoryLimit / 8, MaxBytesInFlight: c.MemoryLimit / 8,
		CABundle: c.CABundle,
		Policy:   httpstore.Policy{DenyLoopback: c.DenyLoopback, DenyPrivate: c.DenyPrivate, AllowHosts: c.AllowHosts},
	}
}

// search is the search engine's part: DuckDB has memory of its own, as much as the reads, which
// usually come after it.
func (c configuration) search() search.Config {
	return search.Config{Threads: c.Threads, MemoryLimit: c.mosaicMemory()}
}

// mosaicMemory is what reads under way may hold, decoded and not.
func (c configuration) mosaicMemory() int64 { return c.MemoryLimit - c.MemoryLimit/4 - c.TileCache }
