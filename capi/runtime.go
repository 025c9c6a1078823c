package main

import (
	"io"
	"log"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"cogweave/capi/handle"
	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/core/crs"
	"cogweave/core/search"
	"cogweave/fetch"
	"cogweave/mosaic"
)

// engine is what the whole process shares: every limit is in it once. It is made by the first
// operation that is submitted, so that loading the library starts nothing.
type engine struct {
	fetch    *fetch.Client
	mosaic   *mosaic.Engine
	crs      crs.Projection
	searches atomic.Pointer[search.Engine] // replaced by rest
}

// search gives the engine that answers searches.
func (e *engine) search() *search.Engine { return e.searches.Load() }

// rest closes the sources that are open for search, with their temporary folders: those in use when
// they no longer are, the others at once. Later searches open them anew.
func (e *engine) rest(cfg configuration) error {
	return e.searches.Swap(search.New(cfg.search())).Close()
}

// process holds the configuration and, once there is one, the engine.
var process struct {
	sync.Mutex
	cfg    *configuration // nil until first asked for
	engine *engine
}

// current gives the configuration in force. The caller holds the lock.
func current() configuration {
	if process.cfg == nil {
		cfg := defaultConfiguration()
		process.cfg = &cfg
	}
	return *process.cfg
}

// running gives the engine, made on first use.
func running() *engine {
	process.Lock()
	defer process.Unlock()
	if process.engine == nil {
		log.SetOutput(io.Discard) // net/http and others log oddities; stderr is the host's
		core.SpareProcessor()
		cfg := current()
		process.engine = &engine{
			fetch:  fetch.New(withEnvironment(cfg.fetch(), environment())),
			mosaic: mosaic.NewEngine(cfg.Threads, cfg.mosaicMemory()),
		}
		process.engine.mosaic.SetLookahead(cfg.Lookahead)
		// The collector works harder as Go's own part of the memory nears the limit; it stops nothing.
		debug.SetMemoryLimit(cfg.MemoryLimit)
		process.engine.searches.Store(search.New(cfg.search()))
	}
	return process.engine
}

// configure changes the configuration, and a running engine's limits with it; on an error nothing.
func configure(request string) (configuration, error) {
	process.Lock()
	defer process.Unlock()
	cfg, err := current().changed(request)
	if err != nil {
		return cfg, err
	}
	if e := process.engine; e != nil {
		if err := e.fetch.Configure(withEnvironment(cfg.fetch(), environment())); err != nil {
			return cfg, err
		}
		e.mosaic.Pool.SetThreads(cfg.Threads)
		e.mosaic.Budget.SetLimit(cfg.mosaicMemory())
		e.mosaic.SetLookahead(cfg.Lookahead)
		debug.SetMemoryLimit(cfg.MemoryLimit)
		e.search().Configure(cfg.search())
	}
	process.cfg = &cfg
	return cfg, nil
}

// farewell is how long the end of the process may wait for headers to be written to the cache folder.
const farewell = 500 * time.Millisecond

// cancelAll ends every operation, and gives back what idle sources hold: it may be the last call.
func cancelAll() error {
	registry.Each(handle.Operation, func(o any) { o.(*op.Operation).Cancel() })
	process.Lock()
	defer process.Unlock()
	if process.engine == nil {
		return nil
	}
	process.engine.mosaic.StopAhead()
	process.engine.fetch.Flush(farewell)
	return process.engine.rest(current())
}

// statistics are the counters and gauges of cw_stats.
type statistics struct {
	NativeCalls   int64 `json:"native_calls"` // operations submitted
	Completions   int64 `json:"completions"`  // final ones
	Requests      int64 `json:"requests"`
	Bytes         int64 `json:"bytes"`
	Retries       int64 `json:"retries"`
	HeaderHits    int64 `json:"header_hits"`
	TileHits      int64 `json:"tile_hits"`
	DecodedPixels int64 `json:"decoded_pixels"`
	Memory        int64 `json:"memory"`    // bytes: caches, reads under way, tables and results
	InFlight      int   `json:"in_flight"` // requests
	MaxInFlight   int   `json:"max_in_flight"`
	Threads       int   `json:"threads"` // of the process
}

func measure() statistics {
	s := statistics{
		NativeCalls: submitted.Load(), Completions: completed.Load(), Threads: processThreads(),
		Memory: pixelsAlive() + tableMemory.alive.Load(),
	}
	process.Lock()
	e := process.engine
	process.Unlock()
	if e == nil {
		return s
	}
	f, m := e.fetch.Stats(), e.mosaic.Stats()
	s.Requests, s.Bytes, s.Retries, s.HeaderHits, s.TileHits = f.Requests, f.Bytes, f.Retries, f.HeaderHits, f.TileHits
	s.InFlight, s.MaxInFlight = f.InFlight, f.MaxInFlight
	s.DecodedPixels = m.DecodedPixels
	s.Memory += f.CacheBytes + m.Memory
	return s
}
