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

// metadataWait is how long the machine that we seem to be on may take to say who it is.
const metadataWait = 2 * time.Second

var metadataTransport = &http.Transport{
	DialContext:           (&net.Dialer{Timeout: time.Second}).DialContext,
	ResponseHeaderTimeout: 2 * time.Second,
	DisableKeepAlives:     true,
}

// metadataNames are the services' addresses that have a name, or are unique local ones.
var metadataNames = map[string]bool{"metadata.google.internal": true, "fd00:ec2::254": true, "fd00:ec2::23": true}

func isMetadata(host string) bool {
	ip, err := netip.ParseAddr(host)
	return metadataNames[host] || err == nil && ip.IsLinkLocalUnicast()
}

// RoundTrip implements http.RoundTripper.
func (t metadataTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if isMetadata(r.URL.Hostname()) {
		return metadataTransport.RoundTrip(r)
	}
	return t.ordinary.RoundTrip(r)
}
