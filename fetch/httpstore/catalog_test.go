package httpstore

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// A catalog's host that was reached at a public address is no private one, though its name has come to
// lead to this machine: whoever owns the name decides where it leads.
func TestANameThatComesToLeadHere(t *testing.T) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
	}))
	defer server.Close()
	s := New(Config{ConnectTimeout: time.Second, TLSTimeout: time.Second, FirstByteTimeout: time.Second, MaxIdlePerHost: 4})
	defer s.Close()
	// What the dialer asks on the way to the catalog.
	if err := s.policy.control("localhost", s.reachedInPublic)("tcp", "192.0.2.1:80", nil); err != nil {
		t.Fatal(err)
	}
	ctx := FromCatalog(context.Background(), "http://localhost/catalog.parquet")
	_, err := s.ReadRange(ctx, store.Request{Href: server.URL + "/x.tif", Range: core.ByteRange{End: 1}})
	var f *store.Fault
	if !errors.As(err, &f) || f.Reason != "AddressRefused" || served != 0 {
		t.Errorf("%v, %d requests", err, served)
	}
}
