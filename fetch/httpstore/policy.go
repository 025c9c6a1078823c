package httpstore

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"cogweave/core"
	"cogweave/fetch/store"
)

// Policy says which addresses may be connected to. It is applied to the address that a connection is
// about to be made to, after name lookup, so that neither a redirect nor a changing name gets around
// it. Link-local addresses, where clouds keep their credentials, and multicast are always refused.
type Policy struct {
	DenyLoopback bool
	DenyPrivate  bool     // RFC 1918, unique local and carrier-grade NAT addresses
	AllowHosts   []string // host names and addresses, without port, that these two do not apply to
}

var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// strict is the policy for hrefs of a public catalog.
func (p Policy) strict() Policy {
	p.DenyLoopback, p.DenyPrivate = true, true
	return p
}

func (p Policy) allows(host string, ip netip.Addr) bool {
	ip = ip.Unmap()
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast():
		return false
	case ip.IsUnspecified(), ip.IsLoopback():
		return !p.DenyLoopback || p.names(host)
	case isPrivate(ip):
		return !p.DenyPrivate || p.names(host)
	}
	return true
}

// isOwn tells the addresses of this machine and its network.
func isOwn(ip netip.Addr) bool { return ip.IsLoopback() || ip.IsUnspecified() || isPrivate(ip) }

func isPrivate(ip netip.Addr) bool { return ip.IsPrivate() || carrierNAT.Contains(ip) }

// names tells whether the user has allowed a host.
func (p Policy) names(host string) bool {
	return slices.ContainsFunc(p.AllowHosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// refusedAddress is the error of a connection that the policy forbids.
type refusedAddress struct {
	host, address string
	may           bool // it could be allowed
}

func (e *refusedAddress) Error() string {
	text := fmt.Sprintf("%s leads to %s, which must not be connected to", e.host, e.address)
	if e.may {
		text += "; configure(allow_hosts=) may allow a host"
	}
	return text
}

// control gives the check that the dialer runs on each address of host; public is told of one that
// anybody may connect to.
func (p Policy) control(host string, public func(host string)) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil || !p.allows(host, addr.Addr()) {
			return &refusedAddress{host: host, address: address, may: isOwn(addr.Addr().Unmap())}
		}
		if !isOwn(addr.Addr().Unmap()) {
			public(host)
		}
		return nil
	}
}

func parseHref(href string) (*url.URL, error) {
	u, err := url.Parse(href)
	message := ""
	switch {
	case err != nil:
		message = "not a valid URL" // the parser's own message repeats the URL, secrets and all
	case u.Scheme != "http" && u.Scheme != "https":
		message = "not an http or https URL"
	case u.Hostname() == "":
		message = "the URL names no host"
	case u.User != nil:
		message = "the URL holds a user name or password"
	default:
		return u, nil
	}
	return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Href", Message: message}
}

// follow resolves a redirect's location, or refuses it.
func follow(from *url.URL, location string) (*url.URL, error) {
	refuse := func(why string) error {
		return &store.Fault{Class: core.AssetError, Reason: "RedirectRefused", Message: "a redirect was not followed: " + why}
	}
	ref, err := url.Parse(location)
	if err != nil {
		return nil, refuse("its location is not a URL")
	}
	u, err := parseHref(from.ResolveReference(ref).String())
	if err != nil {
		return nil, refuse(err.Error())
	}
	if from.Scheme == "https" && u.Scheme == "http" {
		return nil, refuse("it leads from https to http")
	}
	u.Fragment = ""
	return u, nil
}
