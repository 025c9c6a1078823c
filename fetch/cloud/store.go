package cloud

import (
	"context"

	"cogweave/fetch/httpstore"
	"cogweave/fetch/store"
)

// Store reads the objects of buckets over an HTTP store. Whose credentials it uses is the context's to
// say (With).
type Store struct{ http *httpstore.Store }

var _ store.Store = (*Store)(nil)

// New makes a store whose requests go over another, which it does not close.
func New(http *httpstore.Store) *Store { return &Store{http: http} }

// Close does nothing: the connections are the HTTP store's.
func (s *Store) Close() {}

// Host is the bucket: object stores rate each of them apart.
func (s *Store) Host(href string) string {
	at, err := locate(href)
	if err != nil {
		return href
	}
	return at.name()
}

// ReadRange asks for the range with a signed request, or with a plain one where nobody has credentials.
func (s *Store) ReadRange(ctx context.Context, req store.Request) (store.Body, error) {
	at, err := locate(req.Href)
	if err == nil && (at.bucket == "" || at.key == "") {
		err = invalid("the href names no object in a bucket")
	}
	if err != nil {
		return nil, err
	}
	b, err := accessOf(ctx).bucket(at)
	if err != nil {
		return nil, err
	}
	o := &object{bucket: b, at: at, via: s.http.RoundTripper()}
	body, err := s.http.ReadObject(ctx, req, o)
	if err != nil {
		return nil, o.explain(err)
	}
	return body, nil
}

// Blobs reads https hrefs: those of Azure's blobs that a caller has credentials for as objects, all
// others as the URLs that they are.
type Blobs struct {
	*httpstore.Store
	objects *Store
}

var _ store.Store = (*Blobs)(nil)

// NewBlobs makes a store of https hrefs.
func NewBlobs(http *httpstore.Store) *Blobs { return &Blobs{Store: http, objects: New(http)} }

// ReadRange implements store.Store.
func (b *Blobs) ReadRange(ctx context.Context, req store.Request) (store.Body, error) {
	if at, ok := claim(req.Href); ok && accessOf(ctx).wants(at) {
		return b.objects.ReadRange(ctx, req)
	}
	return b.Store.ReadRange(ctx, req)
}
