package main

import (
	"context"
	"encoding/json"
	"sync"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/fetch/cloud"
	"cogweave/fetch/httpstore"
)

// access is how the stages that read files are to reach them.
type access struct {
	Storage map[string]map[string]any `json:"storage"` // options by URL prefix, in obstore's names
	Sign    string                    `json:"sign"`    // name of the caller's function that signs hrefs; "": none
	buckets *buckets                  // made by check
}

// check refuses options that no store would look at: silently reading as somebody else is worse. base
// is where the catalog was read from.
func (a *access) check(base string) error {
	options, err := cloud.ParseOptions(a.Storage)
	if err != nil {
		return err
	}
	key, err := json.Marshal(a.Storage)
	if err != nil {
		return core.Errorf(core.InvalidArgument, "Storage", "storage: the options cannot be written as JSON")
	}
	a.buckets = &buckets{options: options, key: string(key), catalog: base}
	return nil
}

// buckets are how the operations of one request, or of one plan, read buckets. It is shared by them.
type buckets struct {
	options *cloud.Options
	key     string // the options as text
	catalog string

	mu       sync.Mutex
	hints    cloud.Hints
	identity *cloud.Identity // of the environment that access was made for
	access   *cloud.Access
}

// enter gives the context in which an operation reads buckets, as the environment is now, and has the
// operation answer for credential providers until leave is called.
func (b *buckets) enter(ctx context.Context, o *op.Operation) (_ context.Context, leave func()) {
	id := identities.of(b)
	leave = id.Join(func(ctx context.Context, provider string) (json.RawMessage, error) {
		return o.Ask(ctx, op.Question{Name: "credentials", About: map[string]any{"provider": provider}})
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.identity != id {
		b.identity, b.access = id, cloud.NewAccess(id, b.catalog)
		b.access.Learn(b.hints)
	}
	return cloud.With(httpstore.FromCatalog(ctx, b.catalog), b.access), leave
}

// scope tells the files of these options apart from those of others.
func (b *buckets) scope() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.identity.Scope()
}

// server names the server of a file that the catalog chose, "" for all others.
func (b *buckets) server(href string) string {
	b.mu.Lock()
	access := b.access
	b.mu.Unlock()
	return access.Server(href)
}

// learn takes what a catalog's items say of their buckets.
func (b *buckets) learn(items []core.Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hints = cloud.HintsOf(items); b.access != nil {
		b.access.Learn(b.hints)
	}
}
