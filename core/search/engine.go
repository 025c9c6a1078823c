package search

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"cogweave/core"
	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow"
)

// Config bounds what searches may use. Zero values mean the defaults.
type Config struct {
	// Threads are DuckDB's worker threads of each opened source; default: core.Processors.
	Threads int
	// MemoryLimit is what DuckDB may hold for each opened source, in bytes; default: 2 GiB. Larger
	// results spill to TempDir.
	MemoryLimit int64
	// TempDir is where a private folder for spilling is made when needed; default: os.TempDir().
	TempDir string
	// TempLimit bounds that folder, in bytes; default: 8 GiB.
	TempLimit int64
	// IdleTimeout is how long an unused source stays open; default: one minute.
	IdleTimeout time.Duration
	// MaxOpen is how many sources stay open; the least recently used is closed first; default: 8.
	MaxOpen int
}

func (c Config) withDefaults() Config {
	if c.Threads <= 0 {
		c.Threads = core.Processors()
	}
	if c.MemoryLimit <= 0 {
		c.MemoryLimit = 2 << 30
	}
	if c.TempDir == "" {
		c.TempDir = os.TempDir()
	}
	if c.TempLimit <= 0 {
		c.TempLimit = 8 << 30
	}
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = time.Minute
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = 8
	}
	return c
}

// Engine answers searches. It is safe for concurrent use.
type Engine struct {
	mu     sync.Mutex
	config Config
	open   map[string]*slot
	sweep  *time.Timer
	closed bool
	// footers of remote files, by href.
	footers map[string]*footer
	// decisions are the row groups of remote files that hold what a query found, by files and query.
	decisions map[string][][]int
	// summarised are footers of local files, by the files' ids.
	summarised map[string]*summary
}

// slot is an opened source, or one that is being opened.
type slot struct {
	ready    chan struct{} // closed when db and err are set
	db       *database
	err      error
	users    int
	lastUsed time.Time
	retired  bool // closes when its last user leaves
}

// New makes an engine. Nothing is opened before the first search.
func New(config Config) *Engine {
	return &Engine{config: config.withDefaults(), open: map[string]*slot{}}
}

// Configure changes the limits for sources that are opened from now on.
func (e *Engine) Configure(config Config) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.config = config.withDefaults()
}

// Search gives the items of a source that a query wants. A result without rows is no error. The caller
// releases the result.
func (e *Engine) Search(ctx context.Context, src Source, q *Query) (*Result, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	where := q.locate()
	var result *Result
	err := e.with(ctx, src, q, where, func(db *database) error {
		regions, err := where()
		if err != nil {
			return err
		}
		result, err = db.search(ctx, q, regions)
		return err
	})
	return result, err
}

// Describe gives the columns of a source, and the keys of its assets where the schema tells them (an
// assets column that is a struct).
func (e *Engine) Describe(ctx context.Context, src Source) (schema *arrow.Schema, assets []string, err error) {
	everywhere := func() ([]*region.Region, error) { return nil, nil }
	err = e.with(ctx, src, &Query{Limit: 1}, everywhere, func(db *database) error {
		schema, assets = db.columns.arrow, db.columns.assetKeys()
		return nil
	})
	return schema, assets, err
}

// OpenSources is the number of sources that are open now.
func (e *Engine) OpenSources() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.open)
}

// Close closes every source; those in use when their last search ends. Later searches fail.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	slots := e.retire(func(*slot) bool { return true })
	if e.sweep != nil {
		e.sweep.Stop()
	}
	e.mu.Unlock()
	return closeAll(slots)
}

// with opens the source, or finds it open, and runs f on it.
func (e *Engine) with(ctx context.Context, src Source, q *Query, where located, f func(*database) error) error {
	key, open, err := src.prepare(ctx, e, q, where)
	if err != nil {
		return err
	}
	for {
		again, err := e.visit(ctx, key, open, f)
		if !again {
			return err
		}
	}
}

// visit is with for a source that is prepared. again: whoever was opening it gave up, and the caller may.
func (e *Engine) visit(ctx context.Context, key string, open opener, f func(*database) error) (again bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, cancelled(ctx)
	}
	s, first, err := e.acquire(key)
	if err != nil {
		return false, err
	}
	defer e.leave(key, s)
	if first {
		e.fill(ctx, key, s, open)
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return false, cancelled(ctx)
	}
	if s.err != nil {
		return !first && core.ClassOf(s.err) == core.Cancelled && ctx.Err() == nil, s.err
	}
	err = f(s.db)
	if s.db.broken.Load() {
		e.drop(key, s)
	}
	return false, err
}

// acquire joins the slot of a source; first is true for the one caller that has to fill it.
func (e *Engine) acquire(key string) (s *slot, first bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, core.Errorf(core.InvalidArgument, "Closed", "the search engine is closed")
	}
	s, found := e.open[key]
	if !found {
		s = &slot{ready: make(chan struct{})}
		e.open[key] = s
	}
	s.users++
	return s, !found, nil
}

// fill opens the source in the background, while its caller and others wait for it.
func (e *Engine) fill(ctx context.Context, key string, s *slot, open opener) {
	e.mu.Lock()
	config := e.config
	s.users++
	e.mu.Unlock()
	done := func(db *database, err error) {
		s.db, s.err = db, err
		close(s.ready)
		if err != nil {
			e.drop(key, s)
		}
		e.leave(key, s)
	}
	core.Go(func() {
		db, err := open(ctx, config)
		done(db, err)
	}, func(err error) { done(nil, err) })
}

// drop forgets a source that failed to open or is broken.
func (e *Engine) drop(key string, s *slot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[key] == s {
		delete(e.open, key)
	}
	s.retired = true
}

// leave ends one use of a slot, and closes what became superfluous.
func (e *Engine) leave(key string, s *slot) {
	e.mu.Lock()
	s.users--
	s.lastUsed = time.Now()
	var slots []*slot
	if s.retired && s.users == 0 {
		slots = append(slots, s)
	}
	for len(e.open) > e.config.MaxOpen {
		oldest := e.oldestIdle()
		if oldest == nil {
			break
		}
		slots = append(slots, e.retire(func(s *slot) bool { return s == oldest })...)
	}
	e.scheduleSweep()
	e.mu.Unlock()
	// Closing fails only for what is closed already.
	_ = closeAll(slots)
}

// oldestIdle is the least recently used slot without users, or nil. e.mu is held.
func (e *Engine) oldestIdle() *slot {
	var oldest *slot
	for _, s := range e.open {
		if s.users == 0 && (oldest == nil || s.lastUsed.Before(oldest.lastUsed)) {
			oldest = s
		}
	}
	return oldest
}

// retire removes slots and gives those without users, for closing. e.mu is held.
func (e *Engine) retire(which func(*slot) bool) []*slot {
	var idle []*slot
	for key, s := range e.open {
		if !which(s) {
			continue
		}
		delete(e.open, key)
		s.retired = true
		if s.users == 0 {
			idle = append(idle, s)
		}
	}
	return idle
}

// scheduleSweep closes idle sources later. e.mu is held.
func (e *Engine) scheduleSweep() {
	if e.sweep != nil || e.closed || len(e.open) == 0 {
		return
	}
	e.sweep = time.AfterFunc(e.config.IdleTimeout, func() { core.Go(e.sweepIdle, nil) })
}

func (e *Engine) sweepIdle() {
	e.mu.Lock()
	e.sweep = nil
	limit := time.Now().Add(-e.config.IdleTimeout)
	slots := e.retire(func(s *slot) bool { return s.users == 0 && !s.lastUsed.After(limit) })
	e.scheduleSweep()
	e.mu.Unlock()
	_ = closeAll(slots)
}

func closeAll(slots []*slot) error {
	var errs []error
	for _, s := range slots {
		if s.db != nil {
			errs = append(errs, s.db.close())
		}
	}
	return errors.Join(errs...)
}

func cancelled(ctx context.Context) error {
	return core.Errorf(core.Cancelled, "", "search was cancelled: %w", context.Cause(ctx))
}
