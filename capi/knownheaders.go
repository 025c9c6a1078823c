package main

import (
	"context"
	"sync"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/plan"
)

// knownHeaders are the headers of a plan's files, by href without signature. It is safe for concurrent
// use.
type knownHeaders struct {
	mu    sync.RWMutex
	given map[string]*cog.Header // by the caller, for good
	// seen are those that a stage has read. They serve the stages that may make no request; others ask
	// the reader again, which notices when a file has changed.
	seen map[string]*cog.Header
}

func newKnownHeaders() *knownHeaders {
	return &knownHeaders{given: map[string]*cog.Header{}, seen: map[string]*cog.Header{}}
}

// add keeps headers of a table.
func (k *knownHeaders) add(headers []*cog.Header) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range headers {
		k.given[core.StripSignature(h.Href)] = h
	}
}

// find gives a header that the caller gave, or, if offline, that was seen.
func (k *knownHeaders) find(href string, offline bool) *cog.Header {
	name := core.StripSignature(href)
	k.mu.RLock()
	defer k.mu.RUnlock()
	if h := k.given[name]; h != nil || !offline {
		return h
	}
	return k.seen[name]
}

func (k *knownHeaders) keep(href string, h *cog.Header) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[core.StripSignature(href)] = h
}

// reading gives what the caller gave, and asks rest for the others. Where rest is nil no request may be
// made: what was seen before must do, and any other header is an InvalidArgument error.
func (k *knownHeaders) reading(rest plan.HeaderReader) plan.HeaderReader {
	return headerReader(func(ctx context.Context, hrefs []string, each func(i int, h *cog.Header, err error)) {
		var missing []string
		var at []int
		for i, href := range hrefs {
			h := k.find(href, rest == nil)
			switch {
			case h != nil:
				each(i, h, nil)
			case rest == nil:
				each(i, nil, core.Errorf(core.InvalidArgument, "HeaderMissing",
					"the header of a file that is needed is not among those given, and none may be read here").WithHref(href))
			default:
				missing, at = append(missing, href), append(at, i)
			}
		}
		if len(missing) == 0 {
			return
		}
		rest.Headers(ctx, missing, func(m int, h *cog.Header, err error) {
			if err == nil {
				k.keep(missing[m], h)
			}
			each(at[m], h, err)
		})
	})
}
