package cloud

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cogweave/fetch/httpstore"

	"golang.org/x/net/http/httpproxy"
)

// The vendors' kit goes by our proxies and certificates, though it insists on a client of its own kind.
func TestTheKitGoesOurWay(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var proxied []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied = append(proxied, r.Host)
		w.WriteHeader(204)
	}))
	defer proxy.Close()
	cfg := httpstore.Config{ConnectTimeout: time.Second, TLSTimeout: time.Second, FirstByteTimeout: time.Second, MaxIdlePerHost: 4}
	trusting, broken, around := cfg, cfg, cfg
	trusting.CABundle, broken.CABundle = bundle, bundle+".missing"
	around.Proxy = httpproxy.Config{HTTPProxy: proxy.URL}
	for _, tc := range []struct {
		what, url string
		cfg       httpstore.Config
		fails     bool
	}{
		{"our bundle", server.URL, trusting, false},
		{"the system's", server.URL, cfg, true},
		{"a bundle that is missing", server.URL, broken, true},
		{"our proxy", "http://sts.example.org/", around, false},
	} {
		s := httpstore.New(tc.cfg)
		defer s.Close()
		r, err := http.NewRequest(http.MethodGet, tc.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := kitClient(s.RoundTripper()).Do(r)
		if (err != nil) != tc.fails {
			t.Errorf("%s: %v", tc.what, err)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
	if len(proxied) != 1 || proxied[0] != "sts.example.org" {
		t.Errorf("proxied %v", proxied)
	}
}
