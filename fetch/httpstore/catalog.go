package httpstore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

type catalogKey struct{}

// FromCatalog gives a context whose hrefs were found in a catalog at location. What a public catalog
// names must not lead into the caller's own network: it is refused loopback and private addresses, as a
// Policy may refuse them to all. A local catalog, and one on a server with such an address itself, may
// name them.
func FromCatalog(ctx context.Context, location string) context.Context {
	u, err := url.Parse(location)
	if err != nil || u.Scheme == "" || u.Scheme == "file" || u.Host == "" {
		return ctx
	}
	host := u.Hostname()
	if scheme := strings.ToLower(u.Scheme); scheme != "http" && scheme != "https" {
		host = "" // a bucket
	}
	return context.WithValue(ctx, catalogKey{}, host)
}

// roundTrip sends a request within the policy that holds for its context.
func (s *Store) roundTrip(r *http.Request, trusted bool) (*http.Response, error) {
	catalog, public := r.Context().Value(catalogKey{}).(string)
	policy, pool := s.policy, s.pools[0]
	if public && !trusted && !s.isPrivateHost(r.Context(), catalog, false) {
		policy, pool = policy.strict(), s.pools[1]
	}
	resp, err := send(pool, policy, r)
	var refused *refusedAddress
	if errors.As(err, &refused) && pool != s.pools[0] && s.isPrivateHost(r.Context(), catalog, true) {
		return send(s.pools[0], s.policy, r)
	}
	return resp, err
}

// send checks an address that stands in the URL itself: a proxy would connect to it in our stead.
func send(p *pool, policy Policy, r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil && !policy.allows(host, ip) {
		return nil, &refusedAddress{host: host, address: host, may: isOwn(ip.Unmap())}
	}
	return p.RoundTrip(r)
}

// isPrivateHost tells whether a catalog's host has a loopback or private address. Its name is looked up
// only if ask is set, and once: few catalogs name private servers. A host that has been reached at a
// public address stays public: whoever owns a name may have it lead elsewhere by now.
func (s *Store) isPrivateHost(ctx context.Context, host string, ask bool) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return isOwn(ip.Unmap())
	}
	if known, ok := s.private.Load(host); ok {
		return known.(bool)
	}
	if host == "" || !ask {
		return false
	}
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return false
	}
	private := true
	for _, ip := range found {
		private = private && isOwn(ip.Unmap())
	}
	known, _ := s.private.LoadOrStore(host, private)
	return known.(bool)
}
