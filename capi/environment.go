package main

// #include "guard.h"
import "C"

import (
	"sync"

	"cogweave/fetch"
	"cogweave/fetch/cloud"

	"golang.org/x/net/http/httpproxy"
)

// surroundings is the caller's environment, as far as stores, proxies and certificates depend on it.
// Python hands it over whenever it has changed: Go sees only that of the process's start.
var surroundings struct {
	sync.Mutex
	variables cloud.Environment
}

func environment() cloud.Environment {
	surroundings.Lock()
	defer surroundings.Unlock()
	return surroundings.variables
}

//export cwgo_environment
func cwgo_environment(variables *C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		next := cloud.Environment{}
		if err := decode("environment", C.GoString(variables), &next); err != nil {
			return err
		}
		surroundings.Lock()
		surroundings.variables = next
		surroundings.Unlock()
		identities.forget()
		process.Lock()
		defer process.Unlock()
		if process.engine == nil {
			return nil
		}
		return process.engine.fetch.Configure(withEnvironment(current().fetch(), next))
	})
}

// withEnvironment adds proxies, and certificates where the user has configured none.
func withEnvironment(cfg fetch.Config, env cloud.Environment) fetch.Config {
	either := func(name, other string) string {
		if env[name] != "" {
			return env[name]
		}
		return env[other]
	}
	cfg.Proxy = httpproxy.Config{HTTPProxy: either("HTTP_PROXY", "http_proxy"), HTTPSProxy: either("HTTPS_PROXY", "https_proxy"),
		NoProxy: either("NO_PROXY", "no_proxy")}
	if all := either("ALL_PROXY", "all_proxy"); all != "" {
		for _, proxy := range []*string{&cfg.Proxy.HTTPProxy, &cfg.Proxy.HTTPSProxy} {
			if *proxy == "" {
				*proxy = all
			}
		}
	}
	if cfg.CABundle == "" {
		cfg.CABundle = env["SSL_CERT_FILE"]
	}
	return cfg
}

// identities keep what was fetched of credentials from one operation to the next: callers with the same
// options are the same, until the environment changes.
var identities = identityBook{known: map[string]*cloud.Identity{}}

type identityBook struct {
	sync.Mutex
	known map[string]*cloud.Identity // by the text of the options
}

// mostIdentities bounds what is kept: a service may have as many as it has users.
const mostIdentities = 256

func (b *identityBook) of(request *buckets) *cloud.Identity {
	b.Lock()
	defer b.Unlock()
	if b.known[request.key] == nil {
		if len(b.known) >= mostIdentities {
			clear(b.known)
		}
		b.known[request.key] = cloud.NewIdentity(request.options, environment())
	}
	return b.known[request.key]
}

func (b *identityBook) forget() {
	b.Lock()
	defer b.Unlock()
	clear(b.known)
}
