package cloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"cogweave/core"
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

// bucket is a bucket as one Access reaches it.
type bucket struct {
	name    string
	source  *source // nil: anonymous
	how     string  // why it is read so, for errors
	trusted bool
	server
}

// server knows the addresses and the signature of a kind of store.
type server interface {
	// locate gives the URL of an object.
	locate(at location) *url.URL
	// sign adds to URL and headers what lets a caller in; c is nil for an anonymous one.
	sign(ctx context.Context, u *url.URL, header http.Header, c *credential) error
	// moved learns from an answer that the bucket is elsewhere.
	moved(answer *http.Response) bool
}

// newBucket makes a bucket of its settings.
func newBucket(id *Identity, at location, set options, use usage) (*bucket, error) {
	b := &bucket{name: at.name(), trusted: use.trusted}
	var err error
	switch at.kind {
	case s3:
		b.server, err = newS3(id.env, at, set)
	case gcs:
		b.server, err = newGCS(set)
	default:
		b.server, err = newAzure(at, set)
	}
	if err != nil {
		return nil, err
	}
	b.source, b.how = id.source(at, set, use)
	return b, nil
}

// source chooses where the credentials for a bucket come from, and says so.
func (id *Identity) source(at location, set options, use usage) (found *source, how string) {
	if set.is("anonymous") {
		return nil, "anonymously, as its options say"
	}
	if provider := set["credential_provider"]; provider != "" {
		return id.shared("provider "+provider, func() *source {
			return newSource("the credential provider of "+at.name(), func(ctx context.Context, _ http.RoundTripper) (*credential, error) {
				raw, err := id.ask(ctx, provider)
				if err != nil {
					return nil, err
				}
				return provided(raw)
			})
		}), "with the credentials of its credential provider"
	}
	place := at.kind.String()
	if at.kind == azure { // signatures are for one container
		place += " " + accountOf(at, set) + "/" + at.bucket
	}
	if key := explicit(at.kind, set); key != "" {
		return id.shared(place+" "+key, func() *source { return explicitSource(at, set) }), "with the credentials in storage="
	}
	switch {
	case use.catalogServer:
		return nil, "anonymously, since the catalog named the server"
	case !use.environment:
		return nil, `anonymously: the environment's credentials are not used for a bucket that only a catalog names; storage={"` + at.name() + `": {}} allows it`
	}
	return id.shared("environment "+place+" "+set["profile"], func() *source {
		return newSource("the environment", func(ctx context.Context, via http.RoundTripper) (*credential, error) {
			return environmentCredential(ctx, at, set, id.env, via)
		})
	}), "with the credentials of the environment"
}

// shared gives the source of a name, made on first use.
func (id *Identity) shared(name string, newOne func() *source) *source {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.sources[name] == nil {
		id.sources[name] = newOne()
	}
	return id.sources[name]
}

// object is one read of an object.
type object struct {
	*bucket
	at        location
	via       http.RoundTripper
	used      *credential
	refreshed bool
}

var _ httpstore.Object = (*object)(nil)

// Request implements httpstore.Object.
func (o *object) Request(ctx context.Context) (*url.URL, http.Header, error) {
	c, err := o.source.credential(ctx, o.via)
	if err != nil {
		return nil, nil, err
	}
	o.used = c
	u, header := o.locate(o.at), http.Header{}
	if err := o.sign(ctx, u, header, c); err != nil {
		return nil, nil, err
	}
	return u, header, nil
}

// Again implements httpstore.Object.
func (o *object) Again(answer *http.Response) bool {
	if o.moved(answer) {
		return true
	}
	if answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest {
		return false
	}
	again := !o.refreshed && o.source.refused(o.used)
	o.refreshed = true
	return again
}

// Trusted implements httpstore.Object.
func (o *object) Trusted() bool { return o.trusted }

// explain adds to a refusal whose bucket it was, and as whom it was read.
func (o *object) explain(err error) error {
	var f *store.Fault
	if !errors.As(err, &f) || f.Reason == "Credentials" {
		return err
	}
	if f.Class != core.AccessDenied && !strings.HasPrefix(f.Reason, "HTTP3") && f.Reason != "HTTP400" {
		return err
	}
	how := o.how
	if o.used == nil && o.source != nil {
		how = "anonymously, since no credentials were found"
	}
	named := *f
	if f.Reason == "HTTP400" && o.used != nil { // a token that is not one, or no longer
		named.Class, named.Reason = core.AccessDenied, "AccessDenied"
	}
	named.Message += "; the bucket " + o.name + " was read " + how
	return &named
}
