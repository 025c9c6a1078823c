package main

import (
	"context"
	"strings"
	"sync"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/plan"
)

// knownHeaders are the headers of a plan's files, by href. It is safe for concurrent use.
type knownHeaders struct {
	mu     sync.RWMutex
	byHref map[string]*cog.Header
}

func newKnownHeaders() *knownHeaders { return &knownHeaders{byHref: map[string]*cog.Header{}} }

// add keeps headers of a table. An href that lost its secrets when it was written there stands for the
// one asset of the items that it fits; where it fits several it is left out.
func (k *knownHeaders) add(headers []*cog.Header, items []core.Item) {
	k.mu.Lock()
	defer k.mu.Unlock()
	shortened := map[string]*cog.Header{}
	for _, h := range headers {
		k.byHref[h.Href] = h
		if strings.HasSuffix(h.Href, "...") {
			shortened[h.Href] = h
		}
	}
	if len(shortened) == 0 {
		return
	}
	whole := map[string]string{}
	for i := range items {
		for a := range items[i].Assets {
			href := items[i].Assets[a].Href
			if !strings.Contains(href, "?") {
				continue
			}
			short := core.Redact(href)
			if other, ok := whole[short]; ok && other != href {
				href = "" // two files, one header: it is neither's
			}
			whole[short] = href
		}
	}
	for short, h := range shortened {
		if href := whole[short]; href != "" {
			k.byHref[href] = h
		}
	}
}

func (k *knownHeaders) find(href string) *cog.Header {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byHref[href]
}

// reading gives what is known, and reads and keeps the rest through another reader. Without one, a
// header that is not known is an InvalidArgument error: no request is made.
func (k *knownHeaders) reading(rest plan.HeaderReader) plan.HeaderReader {
	return headerReader(func(ctx context.Context, hrefs []string, each func(i int, h *cog.Header, err error)) {
		var missing []string
		var at []int
		for i, href := range hrefs {
			h := k.find(href)
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
				k.mu.Lock()
				k.byHref[missing[m]] = h
				k.mu.Unlock()
			}
			each(at[m], h, err)
		})
	})
}
