package cloud

import (
	"net"
	"net/http"
	"net/netip"
	"time"
)

// metadataTripper sends what the vendors' kits ask of a metadata service past the policy that keeps
// every other request from link-local addresses; no catalog has a say in those. The rest goes the
// ordinary way.
type metadataTripper struct{ ordinary http.RoundTripper }

var metadataTransport = &http.Transport{
	DialContext:           (&net.Dialer{Timeout: time.Second}).DialContext,
	ResponseHeaderTimeout: 2 * time.Second,
	DisableKeepAlives:     true,
}

// metadataNames are the services' addresses that have a name, or are unique local ones.
var metadataNames = map[string]bool{"metadata.google.internal": true, "fd00:ec2::254": true, "fd00:ec2::23": true}

// RoundTrip implements http.RoundTripper.
func (t metadataTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if ip, err := netip.ParseAddr(host); metadataNames[host] || err == nil && ip.IsLinkLocalUnicast() {
		return metadataTransport.RoundTrip(r)
	}
	return t.ordinary.RoundTrip(r)
}
