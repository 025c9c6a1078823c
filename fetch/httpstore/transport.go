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
	"time"

	"cogweave/core"
	"cogweave/fetch/store"

	"golang.org/x/net/http/httpproxy"
)

// sessionsKept is the number of hosts whose TLS session is remembered.
const sessionsKept = 256

// newTransport tunes the pool for many small ranges of few hosts: as many connections as there may be
// requests, all kept, no compression, HTTP/2 where TLS offers it.
func newTransport(cfg Config) (*http.Transport, *store.Fault) {
	roots, broken := rootCAs(cfg.CABundle)
	if broken != nil {
		return nil, broken
	}
	cfg.Policy.AllowHosts = append(slices.Clone(cfg.Policy.AllowHosts), proxyHosts(cfg.Proxy)...)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 15 * time.Second, Control: cfg.Policy.control(host)}
		return d.DialContext(ctx, network, address)
	}
	proxy := cfg.Proxy.ProxyFunc()
	return &http.Transport{
		Proxy:       func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext: dial,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots,
			// A connection that is made again costs one round trip less, and no signature of the server's.
			ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept)},
		TLSHandshakeTimeout:   cfg.TLSTimeout,
		ResponseHeaderTimeout: cfg.FirstByteTimeout,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   cfg.MaxIdlePerHost,
		// Below the 20 s after which large object stores hang up.
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		// A silent HTTP/2 connection is probed, since a retry would otherwise go out on it again.
		HTTP2: &http.HTTP2Config{SendPingTimeout: cfg.FirstByteTimeout, PingTimeout: cfg.ConnectTimeout},
	}, nil
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
