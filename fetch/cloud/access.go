package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/url"
	"sync"
)

// Access is how the files of one catalog are reached. It is safe for concurrent use.
type Access struct {
	identity *Identity
	hints    Hints
	remote   bool     // the catalog came over a network
	home     location // of the catalog, if that is in a bucket, which the caller has thereby named

	mu      sync.Mutex
	servers bool // a hint names a server
	buckets map[string]*bucket
}

// NewAccess makes the access of an identity to the files that a catalog names; "" is a catalog that the
// caller made.
func NewAccess(id *Identity, catalog string) *Access {
	u, err := url.Parse(catalog)
	remote := err == nil && u.Host != "" && u.Scheme != "file"
	home, _ := locate(catalog)
	return &Access{identity: id, remote: remote, home: home, buckets: map[string]*bucket{}}
}

// Learn takes what the catalog says of its buckets. It comes before the first read.
func (a *Access) Learn(hints Hints) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hints, a.servers = hints, false
	for _, set := range hints {
		a.servers = a.servers || set["endpoint"] != ""
	}
	clear(a.buckets)
}

// Server names the server of an object, by a hash, where the catalog chose it; "" where anybody else did.
func (a *Access) Server(href string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.servers {
		return ""
	}
	at, err := locate(href)
	if err != nil {
		return ""
	}
	set, use := a.settings(at)
	if !use.catalogServer {
		return ""
	}
	sum := sha256.Sum256([]byte(set["endpoint"] + " " + set["virtual_hosted_style_request"]))
	return hex.EncodeToString(sum[:12])
}

type accessKey struct{}

// With gives a context whose files are reached by a.
func With(ctx context.Context, a *Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// ordinary is the access of those who say nothing: anonymous, since no environment was handed over.
var ordinary = NewAccess(NewIdentity(nil, nil), "")

func accessOf(ctx context.Context) *Access {
	if a, ok := ctx.Value(accessKey{}).(*Access); ok {
		return a
	}
	return ordinary
}

// settings gives what holds for an object: the caller's options before the catalog's hints before the
// environment. Only the server is different: the environment's comes before the catalog's.
func (a *Access) settings(at location) (set options, use usage) {
	own, named := a.identity.options.of(at)
	set = a.identity.env.options(at.kind)
	// An Azure href names its account, and so the server.
	foreign := at.account != "" && at.account != set["account_name"]
	if foreign {
		delete(set, "endpoint")
		delete(set, "use_emulator")
	}
	set, hint := maps.Clone(set), maps.Clone(a.hints.of(at))
	if set["endpoint"] != "" || own["endpoint"] != "" || set.is("use_emulator") || own.is("use_emulator") {
		use.trusted = true
		delete(hint, "endpoint")
		delete(hint, "virtual_hosted_style_request")
	}
	use.catalogServer = hint["endpoint"] != ""
	maps.Copy(set, hint)
	maps.Copy(set, own)
	if own["endpoint"] == "" && own.is("use_emulator") {
		delete(set, "endpoint")
	}
	named = named || a.home.kind == at.kind && a.home.account == at.account && a.home.bucket == at.bucket
	allowed := !a.remote && !foreign || named
	if own["allow_env_credentials"] != "" {
		allowed = own.is("allow_env_credentials")
	}
	use.environment = allowed && !use.catalogServer
	return set, use
}

// usage says what may be used for a bucket.
type usage struct {
	environment   bool // the environment's credentials
	trusted       bool // any address, since the caller named the server
	catalogServer bool // the catalog named the server
}

// bucket gives the bucket of an object, made on first use.
func (a *Access) bucket(at location) (*bucket, error) {
	name := at.name()
	if r := a.identity.options.find(at); r != nil {
		name += "\x00" + r.prefix
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.buckets[name]; b != nil {
		return b, nil
	}
	set, use := a.settings(at)
	b, err := newBucket(a.identity, at, set, use)
	if err == nil {
		a.buckets[name] = b
	}
	return b, err
}

// wants tells whether an https href of a blob is this package's business: the caller has named the
// account, or it is that of the environment. Any other is a plain URL.
func (a *Access) wants(at location) bool {
	_, named := a.identity.options.of(at)
	return named || at.account == a.identity.env.options(azure)["account_name"]
}
