package fetch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch/cloud"
	"cogweave/fetch/filestore"
	"cogweave/fetch/headercache"
	"cogweave/fetch/httpstore"
	"cogweave/fetch/store"
)

// Client fetches headers, tiles and ranges, within one set of limits. It is safe for concurrent use.
type Client struct {
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	configuring sync.Mutex // held while state is replaced
	state       atomic.Pointer[state]

	limits  *limiter
	notices notices
	budgets *retryBudgets
	hedges  *hedger
	firsts  *firstReads
	tiles   tileTable
	headers headerTable
	stats   counters
	spares  core.Spares // of compressed tiles, where none are kept
}

var (
	_ core.TileSource  = (*Client)(nil)
	_ core.RangeReader = (*Client)(nil)
)

// state is what Configure and Register replace as a whole.
type state struct {
	asked  Config // as it was given
	cfg    Config // with the defaults filled in
	stores map[string]store.Store
	kept   *headercache.Cache // headers in a folder; nil without
}

// New makes a client for files, http(s) and the buckets of package cloud. It panics where Configure would give an
// error.
func New(cfg Config) *Client {
	c := &Client{budgets: newRetryBudgets(), hedges: newHedger(), firsts: newFirstReads()}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	full := cfg.resolved()
	c.limits = newLimiter(full)
	c.tiles = tileTable{pending: map[tileKey]*tile{}, cache: newLRU[tileKey, []byte](full.TileCacheBytes)}
	c.headers = headerTable{pending: map[string]*headerFlight{}, cache: newLRU[string, *cog.Header](full.HeaderCacheBytes)}
	if err := c.Configure(cfg); err != nil {
		panic(err)
	}
	return c
}

// Configure replaces the whole configuration: fields left zero go back to their defaults. Requests
// under way finish under the old timeouts; new limits hold from now on. A configuration that makes no
// sense is an InvalidArgument error and changes nothing.
func (c *Client) Configure(cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	c.configuring.Lock()
	defer c.configuring.Unlock()
	old := c.state.Load()
	next := &state{asked: cfg, cfg: cfg.resolved(), stores: map[string]store.Store{"file": filestore.Store{}}}
	var replaced store.Store
	if old != nil {
		next.stores = maps.Clone(old.stores)
	}
	if old == nil || !sameHTTP(old.cfg.httpStore(), next.cfg.httpStore()) {
		replaced = next.stores["http"]
		s := httpstore.New(next.cfg.httpStore())
		next.stores["http"], next.stores["https"] = s, cloud.NewBlobs(s)
		buckets := cloud.New(s)
		for _, scheme := range cloud.Schemes() {
			next.stores[scheme] = buckets
		}
	}
	if old != nil && sameCache(old.cfg, next.cfg) {
		next.kept = old.kept
	} else {
		next.kept = headercache.New(headercache.Config{
			Dir: next.cfg.CacheDir, MaxBytes: next.cfg.CacheBytes, MaxAge: next.cfg.CacheAge, Warn: c.notices.add})
	}
	c.state.Store(next)
	c.limits.configure(next.cfg)
	c.tiles.cache.resize(next.cfg.TileCacheBytes)
	c.headers.cache.resize(next.cfg.HeaderCacheBytes)
	if replaced != nil {
		replaced.Close()
	}
	return nil
}

func sameCache(a, b Config) bool {
	return a.CacheDir == b.CacheDir && a.CacheBytes == b.CacheBytes && a.CacheAge == b.CacheAge
}

func sameHTTP(a, b httpstore.Config) bool {
	hosts := slices.Equal(a.Policy.AllowHosts, b.Policy.AllowHosts)
	a.Policy.AllowHosts, b.Policy.AllowHosts = nil, nil
	return hosts && a.ConnectTimeout == b.ConnectTimeout && a.TLSTimeout == b.TLSTimeout &&
		a.FirstByteTimeout == b.FirstByteTimeout && a.MaxIdlePerHost == b.MaxIdlePerHost && a.CABundle == b.CABundle && a.Proxy == b.Proxy &&
		a.Policy.DenyLoopback == b.Policy.DenyLoopback && a.Policy.DenyPrivate == b.Policy.DenyPrivate
}

// Config is the configuration in force, as it was given: with zeros where the default holds.
func (c *Client) Config() Config { return c.state.Load().asked }

// Effective is the configuration in force with every default filled in.
func (c *Client) Effective() Config { return c.state.Load().cfg }

// Flush waits until the headers that were read are in the cache folder, so long at most.
func (c *Client) Flush(patience time.Duration) { c.state.Load().kept.Flush(patience) }

// Close ends every transfer, with Cancelled errors, and closes the connections.
func (c *Client) Close() {
	c.cancel()
	for _, s := range c.state.Load().stores {
		s.Close()
	}
}
