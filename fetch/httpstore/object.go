package httpstore

import (
	"context"
	"crypto/x509"
	"maps"
	"net/http"
	"net/url"

	"cogweave/fetch/store"
)

// Object is a file in a bucket, which takes more than its URL to ask for.
type Object interface {
	// Request gives the URL of a GET for the whole file, and the headers that let the caller in. Range
	// and version are added to them.
	Request(ctx context.Context) (*url.URL, http.Header, error)
	// Again tells whether, after an answer that refused or redirected the request, another Request gives
	// one worth making: for another region, or with fresh credentials.
	Again(ctx context.Context, answer *http.Response) bool
	// Trusted tells that the caller, not a catalog, named the server: it may have a private address.
	Trusted() bool
}

// maxAgain bounds the requests for one Object after the first: one for the region, one for credentials.
const maxAgain = 2

// ReadObject is ReadRange for an Object. It follows no redirect.
func (s *Store) ReadObject(ctx context.Context, req store.Request, o Object) (store.Body, error) {
	for again := 0; ; again++ {
		u, header, err := o.Request(ctx)
		if err != nil {
			return nil, err
		}
		r := newRequest(ctx, u, req)
		maps.Copy(r.Header, header)
		resp, err := s.roundTrip(r, o.Trusted())
		if err != nil {
			return nil, transportFault(err)
		}
		if resp.StatusCode < 300 || again == maxAgain || !o.Again(ctx, resp) {
			return accept(req, resp)
		}
		discard(resp)
	}
}

// Way is a way to any server, for clients that fetch credentials.
type Way interface {
	http.RoundTripper
	// Proxy and Roots are for clients that insist on a transport of their own.
	Proxy(r *http.Request) (*url.URL, error)
	Roots() *x509.CertPool
}

// RoundTripper is the store's own way.
func (s *Store) RoundTripper() Way { return s.pools[0] }
