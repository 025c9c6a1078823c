// Package httpstore reads ranges of files over HTTP and HTTPS. It trusts no answer: status, range,
// length, encoding and version of each are checked before and while its bytes are used.
package httpstore

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"

	"golang.org/x/net/http/httpproxy"
)

// Config is what the store's transport needs to know. Durations must be positive.
type Config struct {
	ConnectTimeout   time.Duration // TCP connection, name lookup included
	TLSTimeout       time.Duration // TLS handshake
	FirstByteTimeout time.Duration // from the request's last byte to the answer's header
	MaxIdlePerHost   int           // connections kept open to one host
	CABundle         string        // path of a PEM file of root certificates, "" for the system's
	Policy           Policy
	Proxy            httpproxy.Config // the zero value: no proxy
}

const (
	maxRedirects = 5
	// A server without range support answers with the whole file; up to here that is taken.
	maxWholeFile = 4 << 20
)

// Store reads over pools of connections that are its own.
type Store struct {
	// One pool for callers who may reach private addresses, one for hrefs of public catalogs, which may
	// not: a connection of the first must never serve the second.
	pools   [2]*pool
	policy  Policy
	private sync.Map // host, of catalogs and of connections -> whether it has a private address
}

var _ store.Store = (*Store)(nil)

// New makes a store with its own pools of connections.
func New(cfg Config) *Store {
	roots := sync.OnceValues(func() (*x509.CertPool, *store.Fault) { return rootCAs(cfg.CABundle) })
	s := &Store{policy: cfg.Policy}
	for i, policy := range [...]Policy{cfg.Policy, cfg.Policy.strict()} {
		own := cfg
		own.Policy = policy
		s.pools[i] = newPool(own, roots, s.reachedInPublic)
	}
	return s
}

func (s *Store) reachedInPublic(host string) { s.private.Store(host, false) }

// Close closes the connections that are idle.
func (s *Store) Close() {
	for _, p := range s.pools {
		p.closeIdle()
	}
}

// Host is scheme, host name and port.
func (s *Store) Host(href string) string {
	scheme, rest, _ := strings.Cut(href, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return strings.ToLower(scheme + "://" + rest)
}

// ReadRange sends a GET for the range and follows at most 5 redirects. Each hop starts from a fresh
// set of headers, so that nothing meant for one server reaches another, and none is told where the
// request came from.
func (s *Store) ReadRange(ctx context.Context, req store.Request) (store.Body, error) {
	u, err := parseHref(req.Href)
	if err != nil {
		return nil, err
	}
	for hops := 0; ; hops++ {
		resp, err := s.roundTrip(newRequest(ctx, u, req), false)
		if err != nil {
			return nil, transportFault(err)
		}
		location := resp.Header.Get("Location")
		if !isRedirect(resp.StatusCode) || location == "" {
			return accept(req, resp)
		}
		discard(resp)
		if hops == maxRedirects {
			return nil, &store.Fault{Class: core.AssetError, Reason: "TooManyRedirects",
				Message: "gave up after " + strconv.Itoa(maxRedirects) + " redirects"}
		}
		if u, err = follow(u, location); err != nil {
			return nil, err
		}
	}
}

func newRequest(ctx context.Context, u *url.URL, req store.Request) *http.Request {
	last := strconv.FormatInt(req.Range.End-1, 10)
	header := http.Header{
		"Range":           {"bytes=" + strconv.FormatInt(req.Range.Start, 10) + "-" + last},
		"Accept-Encoding": {"identity"},
		"User-Agent":      {"cogweave"},
	}
	if req.Want.Strong() {
		header["If-Match"] = []string{req.Want.ETag}
	} else if date := modified(req.Want.ETag); date != "" {
		header["If-Unmodified-Since"] = []string{date}
	}
	r := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return r.WithContext(ctx)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// discard reads what little an answer without use holds, so that its connection can serve again.
func discard(resp *http.Response) {
	if resp.ContentLength >= 0 && resp.ContentLength <= 16<<10 {
		defer closeSoon(resp)()
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	resp.Body.Close()
}

// errorPatience is how long the body of an answer may take whose status tells enough.
const errorPatience = time.Second

// closeSoon breaks off an answer whose body does not come: its status counts, and must not become a
// timeout. What it gives ends the watch.
func closeSoon(resp *http.Response) func() bool {
	return time.AfterFunc(errorPatience, func() { resp.Body.Close() }).Stop
}

// A file without entity tag is known by its time of modification, written as a weak tag.
const modifiedTag = `W/"modified `

func identityOf(header http.Header, size int64) store.Identity {
	tag := entityTag(header.Get("Etag"))
	if date := header.Get("Last-Modified"); tag == "" && date != "" && !strings.Contains(date, `"`) {
		tag = modifiedTag + date + `"`
	}
	return store.Identity{ETag: tag, Size: size}
}

// entityTag is a tag as the standard writes it. One without its quotes proves nothing: it is a weak one.
func entityTag(tag string) string {
	opaque := strings.TrimPrefix(tag, "W/")
	if tag == "" || len(opaque) > 1 && opaque[0] == '"' && opaque[len(opaque)-1] == '"' {
		return tag
	}
	return `W/"` + strings.ReplaceAll(strings.TrimPrefix(opaque, "w/"), `"`, "") + `"`
}

func modified(tag string) string {
	date, ok := strings.CutPrefix(tag, modifiedTag)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(date, `"`)
}
