package httpstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"

	"golang.org/x/net/http/httpproxy"
)

// sessionsKept is the number of hosts whose TLS session is remembered.
const sessionsKept = 256

// pool is the connections of one policy. Those with TLS are set up by the first request that needs them:
// a bundle of root certificates takes milliseconds to read.
type pool struct {
	plain  *http.Transport
	secure func() (*http.Transport, *store.Fault)
	made   atomic.Bool // secure was called
}

// newPool makes the pool of a policy that shares its root certificates with other pools.
func newPool(cfg Config, roots func() (*x509.CertPool, *store.Fault), public func(host string)) *pool {
	plain := newTransport(cfg, public)
	p := &pool{plain: plain}
	p.secure = sync.OnceValues(func() (*http.Transport, *store.Fault) {
		p.made.Store(true)
		certificates, broken := roots()
		if broken != nil {
			return nil, broken
		}
		t := plain.Clone()
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: certificates,
			// A connection that is made again costs one round trip less, and no signature of the server's.
			ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept)}
		t.ForceAttemptHTTP2 = true
		return t, nil
	})
	return p
}

// RoundTrip sends a request over the connections that fit its URL, and the proxy on its way.
func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	proxy, err := p.plain.Proxy(r)
	if err == nil && r.URL.Scheme != "https" && (proxy == nil || proxy.Scheme != "https") {
		return p.plain.RoundTrip(r)
	}
	t, broken := p.secure()
	if broken != nil {
		return nil, broken
	}
	return t.RoundTrip(r)
}

// Proxy is the proxy for a request, nil for none.
func (p *pool) Proxy(r *http.Request) (*url.URL, error) { return p.plain.Proxy(r) }

// Roots are the certificates that servers are checked by: nil for the system's, none at all where those
// that the caller names cannot be read.
func (p *pool) Roots() *x509.CertPool {
	t, broken := p.secure()
	if broken != nil {
		return x509.NewCertPool()
	}
	return t.TLSClientConfig.RootCAs
}

func (p *pool) closeIdle() {
	p.plain.CloseIdleConnections()
	if !p.made.Load() {
		return
	}
	if t, broken := p.secure(); broken == nil {
		t.CloseIdleConnections()
	}
}

// newTransport tunes connections for many small ranges of few hosts: as many as there may be requests,
// all kept, no compression.
func newTransport(cfg Config, public func(host string)) *http.Transport {
	cfg.Policy.AllowHosts = append(slices.Clone(cfg.Policy.AllowHosts), proxyHosts(cfg.Proxy)...)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 15 * time.Second, Control: cfg.Policy.control(host, public)}
		return d.DialContext(ctx, network, address)
	}
	proxy := cfg.Proxy.ProxyFunc()
	return &http.Transport{
		Proxy:                 func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:           dial,
		TLSHandshakeTimeout:   cfg.TLSTimeout,
		ResponseHeaderTimeout: cfg.FirstByteTimeout,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   cfg.MaxIdlePerHost,
		// Below the 20 s after which large object stores hang up.
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// A silent HTTP/2 connection is probed, since a retry would otherwise go out on it again.
		HTTP2: &http.HTTP2Config{SendPingTimeout: cfg.FirstByteTimeout, PingTimeout: cfg.ConnectTimeout},
	}
}

// proxyHosts are the hosts of proxies, which the user has named: they may be anywhere.
func proxyHosts(cfg httpproxy.Config) []string {
	var hosts []string
	for _, text := range []string{cfg.HTTPProxy, cfg.HTTPSProxy} {
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// rootCAs reads a bundle of certificates; nil stands for the system's.
func rootCAs(path string) (*x509.CertPool, *store.Fault) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, &store.Fault{Class: core.InvalidArgument, Reason: "CABundle", Message: "the CA bundle cannot be read", Cause: err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &store.Fault{Class: core.InvalidArgument, Reason: "CABundle", Message: "the CA bundle " + path + " holds no certificate"}
	}
	return pool, nil
}
