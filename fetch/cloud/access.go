package cloud

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"cogweave/core"
)

// Identity is who asks: a caller's options, and the environment. Callers that are the same share one,
// so that a token is fetched once. It keeps the credentials, and is safe for concurrent use.
type Identity struct {
	options *Options
	env     Environment
	scope   string

	mu      sync.Mutex
	sources map[string]*source // by what the credentials are made of
	askers  map[int]Ask
	asked   int
}

// Ask asks the caller's credential provider of the given name.
type Ask func(ctx context.Context, provider string) (json.RawMessage, error)

// NewIdentity makes an Identity.
func NewIdentity(options *Options, env Environment) *Identity {
	if options == nil {
		options = &Options{}
	}
	return &Identity{options: options, env: env, scope: scopeOf(options, env), sources: map[string]*source{}, askers: map[int]Ask{}}
}

// nonce is in the scopes of this process: what they are made of cannot be found by trying.
var nonce = func() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	return string(bytes[:])
}()

// Scope tells files apart that have one href under different options: it is "" without any, equal in
// all processes for options without a secret, and good for this process only with one (then it begins
// with "!").
func (id *Identity) Scope() string { return id.scope }

func scopeOf(o *Options, env Environment) string {
	var places, secrets []string
	note := func(about string, set options) {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			text := fmt.Sprintf("%s %s=%q", about, name, set[name])
			switch name {
			case "region", "endpoint", "virtual_hosted_style_request", "anonymous", "requester_pays", "account_name", "use_emulator":
				places = append(places, text)
			default:
				secrets = append(secrets, text)
			}
		}
	}
	for _, r := range o.rules {
		note(r.prefix, r.set)
	}
	for _, k := range []kind{s3, gcs, azure} {
		set := env.options(k)
		note(fmt.Sprint(k), options{"endpoint": set["endpoint"], "account_name": set["account_name"], "use_emulator": set["use_emulator"]}.filled())
	}
	if len(places)+len(secrets) == 0 {
		return ""
	}
	text, mark := strings.Join(places, "\n"), ""
	if len(secrets) > 0 {
		text, mark = text+nonce+strings.Join(secrets, "\n"), "!"
	}
	sum := sha256.Sum256([]byte(text))
	return mark + hex.EncodeToString(sum[:12])
}

func (o options) filled() options {
	maps.DeleteFunc(o, func(_, text string) bool { return text == "" })
	return o
}

// Join adds somebody who can be asked for credentials until the function it gives is called.
func (id *Identity) Join(ask Ask) (leave func()) {
	id.mu.Lock()
	defer id.mu.Unlock()
	id.asked++
	number := id.asked
	id.askers[number] = ask
	return func() {
		id.mu.Lock()
		defer id.mu.Unlock()
		delete(id.askers, number)
	}
}

// ask asks whoever is there; one who leaves in the middle is followed by another.
func (id *Identity) ask(ctx context.Context, provider string) (json.RawMessage, error) {
	for {
		var number int
		var ask Ask
		id.mu.Lock()
		for n, a := range id.askers {
			if n > number {
				number, ask = n, a
			}
		}
		id.mu.Unlock()
		if ask == nil {
			return nil, core.Errorf(core.Cancelled, "NoAsker", "nobody is left to ask for credentials")
		}
		value, err := ask(ctx, provider)
		if err == nil || ctx.Err() != nil || core.ClassOf(err) != core.Cancelled {
			return value, err
		}
		id.mu.Lock()
		delete(id.askers, number)
		id.mu.Unlock()
	}
}

// Access is how the files of one catalog are reached. It is safe for concurrent use.
type Access struct {
	identity *Identity
	hints    Hints
	remote   bool     // the catalog came over a network
	home     location // of the catalog, if that is in a bucket, which the caller has thereby named

	mu      sync.Mutex
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
	a.hints = hints
	clear(a.buckets)
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
