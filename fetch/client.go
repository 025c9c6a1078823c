package fetch

import (
	"context"
	"maps"
	"slices"
	"strings"
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
	c.tiles.resize(next.cfg.TileCacheBytes)
	c.headers.resize(next.cfg.HeaderCacheBytes)
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

// Register has hrefs of the given schemes read from s. All schemes but file go back to the client's own
// stores when Configure changes what those are made of.
func (c *Client) Register(s store.Store, schemes ...string) {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	next := *c.state.Load()
	next.stores = maps.Clone(next.stores)
	for _, scheme := range schemes {
		next.stores[scheme] = s
	}
	c.state.Store(&next)
}

// Flush waits until the headers that were read are in the cache folder, so long at most.
func (c *Client) Flush(patience time.Duration) { c.state.Load().kept.Flush(patience) }

// Close ends every transfer, with Cancelled errors, and closes the connections.
func (c *Client) Close() {
	c.cancel()
	for _, s := range c.state.Load().stores {
		s.Close()
	}
}

// storeFor finds the store that reads href.
func (s *state) storeFor(href string) (store.Store, *store.Fault) {
	if strings.HasPrefix(href, "../") {
		return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Href",
			Message: "the catalog's href leads above the root of the place that it is relative to"}
	}
	if found, ok := s.stores[schemeOf(href)]; ok {
		return found, nil
	}
	known := slices.Sorted(maps.Keys(s.stores))
	return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Scheme",
		Message: "no store reads " + schemeOf(href) + ":// hrefs; those that work are " + strings.Join(known, ", ") + " and bare paths"}
}

// hostOf names the server of an href; "" for a local file, or where no store reads it.
func (s *state) hostOf(href string) string {
	if st, fault := s.storeFor(href); fault == nil {
		return st.Host(href)
	}
	return ""
}

// schemeOf is the lower-case scheme of an href; a bare path's is "file".
func schemeOf(href string) string {
	scheme, _, ok := strings.Cut(href, "://")
	if !ok || scheme == "" || strings.ContainsFunc(scheme, notOfScheme) {
		return "file"
	}
	return strings.ToLower(scheme)
}

func notOfScheme(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '.'
}

// Stat reads the first byte of a file to learn its size and version: a GET, since a signature for
// reading does not cover HEAD. Size is 0 where the server does not say.
func (c *Client) Stat(ctx context.Context, href string) (core.Asset, error) {
	r := core.ByteRange{End: 1}
	_, id, err := c.readPart(ctx, href, store.Identity{}, r)
	if err != nil {
		return core.Asset{}, err
	}
	return core.Asset{Href: href, ETag: id.ETag, Size: id.Size}, nil
}

// ReadRanges gives the bytes of each range, in the order asked. Neighbouring ranges share a request;
// nothing is cached. The first error ends the call.
func (c *Client) ReadRanges(ctx context.Context, asset core.Asset, ranges []core.ByteRange) ([][]byte, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	refs := make([]core.TileRef, len(ranges))
	for i, r := range ranges {
		refs[i] = core.TileRef{Asset: &asset, Range: r}
	}
	out := make([][]byte, len(ranges))
	var first error
	c.fetch(ctx, refs, false, func(i int, data []byte, err error) {
		out[i] = data
		if err != nil && first == nil {
			first = err
			stop()
		}
	})
	if first != nil {
		return nil, first
	}
	return out, nil
}
