package main

import (
	"encoding/json"
	"time"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/search"
	"cogweave/fetch"
	"cogweave/fetch/httpstore"
)

// configuration is what cw_configure sets, and gives back. Times are seconds, sizes bytes.
type configuration struct {
	Threads     int   `json:"threads"`      // CPU workers
	MemoryLimit int64 `json:"memory_limit"` // of caches and reads under way; results are the caller's
	TileCache   int64 `json:"tile_cache"`   // of which compressed tiles
	HeaderCache int64 `json:"header_cache"` // and headers
	Lookahead   int   `json:"lookahead"`    // layers of items read before it is known that they are needed

	MaxRequests            int     `json:"max_requests"`
	MaxRequestsPerHost     int     `json:"max_requests_per_host"`
	InitialRequestsPerHost int     `json:"initial_requests_per_host"` // at most the above
	RequestsPerSecond      float64 `json:"requests_per_second"`       // 0: no limit
	MaxBytesInFlight       int64   `json:"max_bytes_in_flight"`

	Retries       int     `json:"retries"` // after the first attempt at a range
	Backoff       float64 `json:"backoff"`
	ThrottlePause float64 `json:"throttle_pause"`
	MaxBackoff    float64 `json:"max_backoff"`
	MaxRetryAfter float64 `json:"max_retry_after"`
	RetryBudget   int     `json:"retry_budget"` // tokens per host; 0: no limit
	Hedge         bool    `json:"hedge"`
	HedgeAfter    float64 `json:"hedge_after"`

	ConnectTimeout   float64 `json:"connect_timeout"`
	TLSTimeout       float64 `json:"tls_timeout"`
	FirstByteTimeout float64 `json:"first_byte_timeout"`
	StallTimeout     float64 `json:"stall_timeout"`
	StallRate        int64   `json:"stall_rate"` // bytes per second
	AttemptTimeout   float64 `json:"attempt_timeout"`
	TotalTimeout     float64 `json:"total_timeout"`

	HeaderBytes   int64   `json:"header_bytes"` // first read of a header
	CoalesceGap   int64   `json:"coalesce_gap"`
	CoalesceWaste float64 `json:"coalesce_waste"`
	CoalesceBytes int64   `json:"coalesce_bytes"`
	MaxTileBytes  int64   `json:"max_tile_bytes"` // decoded

	CacheDir  string  `json:"cache_dir"`  // of headers kept between processes; "": none
	CacheSize int64   `json:"cache_size"` // bytes in it; 0: no limit
	CacheAge  float64 `json:"cache_age"`  // since last used; 0: no limit

	CABundle     string   `json:"ca_bundle"` // PEM file; "": the system's
	DenyLoopback bool     `json:"deny_loopback"`
	DenyPrivate  bool     `json:"deny_private"`
	AllowHosts   []string `json:"allow_hosts"`
}

const (
	leastMemory = 1 << 20
	mostMemory  = 2 << 30 // of the default
	mostThreads = 1024
	mostSeconds = 24 * 3600
	mostAge     = 100 * 365 * mostSeconds
	mostBytes   = 1 << 50
)

func defaultConfiguration() configuration {
	f := fetch.Defaults()
	memory := int64(mostMemory)
	if machine := physicalMemory(); machine > 0 {
		memory = max(leastMemory, min(memory, machine/4))
	}
	return configuration{
		Threads: core.Processors(), MemoryLimit: memory, TileCache: memory / 8, HeaderCache: memory / eighth,
		MaxBytesInFlight: memory / eighth, Lookahead: 1,
		MaxRequests: f.MaxRequests, MaxRequestsPerHost: f.MaxRequestsPerHost, InitialRequestsPerHost: f.StartPerHost,
		Retries: f.Attempts - 1, Backoff: f.Backoff.Seconds(), ThrottlePause: f.ThrottlePause.Seconds(),
		MaxBackoff: f.MaxBackoff.Seconds(), MaxRetryAfter: f.MaxRetryAfter.Seconds(), RetryBudget: f.RetryBudget,
		Hedge: f.Hedge, HedgeAfter: f.HedgeAfter.Seconds(),
		ConnectTimeout: f.ConnectTimeout.Seconds(), TLSTimeout: f.TLSTimeout.Seconds(), FirstByteTimeout: f.FirstByteTimeout.Seconds(),
		StallTimeout: f.StallTimeout.Seconds(), StallRate: f.StallRate, AttemptTimeout: f.AttemptTimeout.Seconds(),
		TotalTimeout: f.TotalTimeout.Seconds(), HeaderBytes: f.HeaderBytes,
		CoalesceGap: f.CoalesceGap, CoalesceWaste: f.CoalesceWaste, CoalesceBytes: f.CoalesceBytes,
		MaxTileBytes: f.Limits.MaxTileBytes,
		CacheSize:    f.CacheBytes, CacheAge: f.CacheAge.Seconds(), AllowHosts: []string{},
	}
}

// changed gives the configuration with a request's keys put in place; c stays as it is.
func (c configuration) changed(request string) (configuration, error) {
	var given struct {
		TileCache        *json.RawMessage `json:"tile_cache"`
		HeaderCache      *json.RawMessage `json:"header_cache"`
		MaxBytesInFlight *json.RawMessage `json:"max_bytes_in_flight"`
	}
	next := c
	next.AllowHosts = append([]string{}, c.AllowHosts...)
	if err := decode("configure", request, &next); err != nil {
		return c, err
	}
	// A smaller limit takes its parts along, unless the caller says how large they are to be.
	if json.Unmarshal([]byte(request), &given) != nil {
		return c, core.Errorf(core.InvalidArgument, "Request", "configure: the request is not valid")
	}
	if given.TileCache == nil {
		next.TileCache = min(next.TileCache, next.MemoryLimit/4)
	}
	if given.HeaderCache == nil {
		next.HeaderCache = followed(c.HeaderCache, c.MemoryLimit, next.MemoryLimit)
	}
	if given.MaxBytesInFlight == nil {
		next.MaxBytesInFlight = followed(c.MaxBytesInFlight, c.MemoryLimit, next.MemoryLimit)
	}
	return next, next.check()
}

// eighth is the part of the memory limit that headers, and what is on the wire, may take each.
const eighth = 8

// followed is a part after the whole changed: an eighth if it was one, else no more than that.
func followed(part, before, after int64) int64 {
	if part == before/eighth {
		return after / eighth
	}
	return min(part, after/eighth)
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
		{"memory_limit", float64(c.MemoryLimit), leastMemory, mostBytes},
		{"tile_cache", float64(c.TileCache), 0, float64(c.MemoryLimit) / 2},
		{"header_cache", float64(c.HeaderCache), 0, float64(c.MemoryLimit) / eighth},
		{"max_bytes_in_flight", float64(c.MaxBytesInFlight), 64 << 10, float64(c.MemoryLimit) / eighth},
		{"lookahead", float64(c.Lookahead), 1, 1 << 20},
		{"max_requests", float64(c.MaxRequests), 1, 1 << 16},
		{"max_requests_per_host", float64(c.MaxRequestsPerHost), 1, 1 << 16},
		{"initial_requests_per_host", float64(c.InitialRequestsPerHost), 1, 1 << 16},
		{"requests_per_second", c.RequestsPerSecond, 0, 1e9},
		{"retries", float64(c.Retries), 0, 100},
		{"backoff", c.Backoff, 0, mostSeconds},
		{"throttle_pause", c.ThrottlePause, 0, mostSeconds},
		{"max_backoff", c.MaxBackoff, 0, mostSeconds},
		{"max_retry_after", c.MaxRetryAfter, 0, mostSeconds},
		{"retry_budget", float64(c.RetryBudget), 0, 1 << 30},
		{"hedge_after", c.HedgeAfter, 0, mostSeconds},
		{"connect_timeout", c.ConnectTimeout, 1e-3, mostSeconds},
		{"tls_timeout", c.TLSTimeout, 1e-3, mostSeconds},
		{"first_byte_timeout", c.FirstByteTimeout, 1e-3, mostSeconds},
		{"stall_timeout", c.StallTimeout, 1e-3, mostSeconds},
		{"stall_rate", float64(c.StallRate), 0, mostBytes},
		{"attempt_timeout", c.AttemptTimeout, 1e-3, mostSeconds},
		{"total_timeout", c.TotalTimeout, 1e-3, mostSeconds},
		{"header_bytes", float64(c.HeaderBytes), 1 << 10, 4 << 20},
		{"coalesce_gap", float64(c.CoalesceGap), 0, 1 << 30},
		{"coalesce_waste", c.CoalesceWaste, 0, 100},
		{"coalesce_bytes", float64(c.CoalesceBytes), 0, 1 << 30},
		{"max_tile_bytes", float64(c.MaxTileBytes), 1 << 10, 1 << 40},
		{"cache_size", float64(c.CacheSize), 0, mostBytes},
		{"cache_age", c.CacheAge, 0, mostAge},
	} {
		if err := within(rule.name, rule.v, rule.low, rule.high); err != nil {
			return err
		}
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// orNone writes 0 as fetch.Config writes "without": negative.
func orNone[T int | int64 | float64 | time.Duration](n T) T {
	if n == 0 {
		return -1
	}
	return n
}

// fetch is the fetch client's part of the configuration. Of the memory an eighth each may go to headers
// and to what is on the wire, TileCache to compressed tiles, and the rest to reads (mosaicMemory).
func (c configuration) fetch() fetch.Config {
	return fetch.Config{
		ConnectTimeout: seconds(c.ConnectTimeout), TLSTimeout: seconds(c.TLSTimeout), FirstByteTimeout: seconds(c.FirstByteTimeout),
		StallTimeout: seconds(c.StallTimeout), StallRate: orNone(c.StallRate), AttemptTimeout: seconds(c.AttemptTimeout),
		TotalTimeout: seconds(c.TotalTimeout),
		Attempts:     c.Retries + 1, Backoff: orNone(seconds(c.Backoff)), ThrottlePause: orNone(seconds(c.ThrottlePause)),
		MaxBackoff: max(seconds(c.MaxBackoff), 1), MaxRetryAfter: orNone(seconds(c.MaxRetryAfter)), RetryBudget: orNone(c.RetryBudget),
		MaxRequests: c.MaxRequests, MaxRequestsPerHost: c.MaxRequestsPerHost, StartPerHost: c.InitialRequestsPerHost,
		RequestsPerSecond: c.RequestsPerSecond, MaxBytesInFlight: c.MaxBytesInFlight,
		Hedge: c.Hedge, HedgeAfter: orNone(seconds(c.HedgeAfter)),
		HeaderBytes: c.HeaderBytes, HeaderCacheBytes: orNone(c.HeaderCache), TileCacheBytes: orNone(c.TileCache),
		CoalesceGap: orNone(c.CoalesceGap), CoalesceWaste: orNone(c.CoalesceWaste), CoalesceBytes: orNone(c.CoalesceBytes),
		CacheDir: c.CacheDir, CacheBytes: orNone(c.CacheSize), CacheAge: orNone(seconds(c.CacheAge)),
		Limits:   cog.Limits{MaxTileBytes: c.MaxTileBytes},
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
