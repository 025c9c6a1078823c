package cloud

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
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

// source chooses where the credentials for a bucket come from, and says so.
func (id *Identity) source(at location, set options, use usage) (found *source, how string) {
	if set.is("anonymous") {
		return nil, "anonymously, as its options say"
	}
	if provider := set["credential_provider"]; provider != "" {
		return id.shared("provider "+provider, func() *source {
			return newSource("the credential provider of "+at.name(), func(ctx context.Context, _ http.RoundTripper) (*credential, error) {
				raw, err := id.ask(ctx, provider)
				if err != nil {
					return nil, err
				}
				return provided(raw)
			})
		}), "with the credentials of its credential provider"
	}
	place := at.kind.String()
	if at.kind == azure { // signatures are for one container
		place += " " + accountOf(at, set) + "/" + at.bucket
	}
	if key := explicit(at.kind, set); key != "" {
		return id.shared(place+" "+key, func() *source { return explicitSource(at, set) }), "with the credentials in storage="
	}
	switch {
	case use.catalogServer:
		return nil, "anonymously, since the catalog named the server"
	case !use.environment:
		return nil, `anonymously: the environment's credentials are not used for a bucket that only a catalog names; storage={"` + at.name() + `": {}} allows it`
	}
	return id.shared("environment "+place+" "+set["profile"], func() *source {
		return newSource("the environment", func(ctx context.Context, via http.RoundTripper) (*credential, error) {
			return environmentCredential(ctx, at, set, id.env, via)
		})
	}), "with the credentials of the environment"
}

// shared gives the source of a name, made on first use.
func (id *Identity) shared(name string, newOne func() *source) *source {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.sources[name] == nil {
		id.sources[name] = newOne()
	}
	return id.sources[name]
}
