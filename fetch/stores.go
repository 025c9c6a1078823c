package fetch

import (
	"maps"
	"slices"
	"strings"

	"cogweave/core"
	"cogweave/fetch/store"
)

// storeFor finds the store that reads href.
func (s *state) storeFor(href string) (store.Store, *store.Fault) {
	if strings.HasPrefix(href, "../") {
		return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Href",
			Message: "the catalog's href leads above the root of the place that it is relative to"}
	}
	if found, ok := s.stores[schemeOf(href)]; ok {
		return found, nil
	}
	known := slices.Sorted(maps.Keys(s.stores))
	return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Scheme",
		Message: "no store reads " + schemeOf(href) + ":// hrefs; those that work are " + strings.Join(known, ", ") + " and bare paths"}
}

// hostOf names the server of an href; "" for a local file, or where no store reads it.
func (s *state) hostOf(href string) string {
	if st, fault := s.storeFor(href); fault == nil {
		return st.Host(href)
	}
	return ""
}

// schemeOf is the lower-case scheme of an href; a bare path's is "file".
func schemeOf(href string) string {
	scheme, _, ok := strings.Cut(href, "://")
	if !ok || scheme == "" || strings.ContainsFunc(scheme, notOfScheme) {
		return "file"
	}
	return strings.ToLower(scheme)
}

func notOfScheme(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '.'
}
