package httpstore_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch/fetchtest"
	"cogweave/fetch/httpstore"
	"cogweave/fetch/store"
)

func config() httpstore.Config {
	return httpstore.Config{ConnectTimeout: time.Second, TLSTimeout: time.Second, FirstByteTimeout: time.Second, MaxIdlePerHost: 32}
}

func newStore(t *testing.T, cfg httpstore.Config) *httpstore.Store {
	s := httpstore.New(cfg)
	t.Cleanup(s.Close)
	return s
}

func TestConformance(t *testing.T) {
	server := fetchtest.NewServer(t)
	version := 0
	place := fetchtest.Place{
		Put: func(name string, data []byte) string {
			version++
			return server.Put("/"+name, fetchtest.Object{Data: data, ETag: fmt.Sprintf(`"v%d"`, version)})
		},
		Remove: func(name string) { server.Remove("/" + name) },
	}
	fetchtest.RunStore(t, newStore(t, config()), place)
}

// files serves a folder as net/http does, with an entity tag made of the file's time.
func files(dir string) http.Handler {
	serve := http.FileServer(http.Dir(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, err := os.Stat(filepath.Join(dir, filepath.Clean(r.URL.Path))); err == nil {
			w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
		}
		serve.ServeHTTP(w, r)
	})
}

// trust writes a server's certificate where CABundle can name it.
func trust(t *testing.T, server *httptest.Server) string {
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return bundle
}

func TestConformanceHTTP2(t *testing.T) {
	dir := t.TempDir()
	var protocol string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if protocol != r.Proto && protocol != "" {
			t.Errorf("%s after %s", r.Proto, protocol)
		}
		files(dir).ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	protocol = "HTTP/2.0"
	cfg := config()
	cfg.CABundle = trust(t, server)
	place := fetchtest.Place{
		Put: func(name string, data []byte) string {
			time.Sleep(20 * time.Millisecond) // beyond the resolution of the file's clock
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
			return server.URL + "/" + name
		},
		Remove: func(name string) { os.Remove(filepath.Join(dir, name)) },
	}
	fetchtest.RunStore(t, newStore(t, cfg), place)
}

// A connection after the first one takes up the TLS session that is known of the server.
func TestTLSSessionsAreTakenUp(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		var resumed []bool
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			resumed = append(resumed, r.TLS.DidResume)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
		}))
		server.EnableHTTP2 = http2
		server.StartTLS()
		defer server.Close()
		cfg := config()
		cfg.CABundle = trust(t, server)
		s := newStore(t, cfg)
		for range 3 {
			if _, f := read(s, server.URL+"/x.tif", core.ByteRange{End: 4}, store.Identity{}); f != nil {
				t.Fatal(f)
			}
			s.Close() // the idle connection, not the session
		}
		if want := []bool{false, true, true}; !slices.Equal(resumed, want) {
			t.Errorf("HTTP/2 %v: resumed %v, not %v", http2, resumed, want)
		}
	}
}

// read gives the reason of the error, "" for a success.
func read(s *httpstore.Store, href string, r core.ByteRange, want store.Identity) ([]byte, *store.Fault) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	body, err := s.ReadRange(ctx, store.Request{Href: href, Range: r, Want: want})
	var data []byte
	if err == nil {
		defer body.Close()
		data, err = io.ReadAll(body)
	}
	var f *store.Fault
	if err != nil && !errors.As(err, &f) {
		f = &store.Fault{Reason: "foreign error " + err.Error()}
	}
	return data, f
}

func TestAnswersThatAreNotTaken(t *testing.T) {
	object := fetchtest.Object{Data: fetchtest.Pattern(100_000, 1), ETag: `"v1"`}
	id := store.Identity{ETag: `"v1"`, Size: 100_000}
	middle := core.ByteRange{Start: 1000, End: 3000}
	for name, tc := range map[string]struct {
		reply  fetchtest.Reply
		r      core.ByteRange
		want   store.Identity
		class  core.Class
		reason string
		retry  store.Retry
	}{
		"401":             {fetchtest.Status(401), middle, id, core.AccessDenied, "AccessDenied", store.Never},
		"403":             {fetchtest.Status(403), middle, id, core.AccessDenied, "AccessDenied", store.Never},
		"404":             {fetchtest.Status(404), middle, id, core.AssetNotFound, "NotFound", store.Never},
		"410":             {fetchtest.Status(410), middle, id, core.AssetNotFound, "NotFound", store.Never},
		"412":             {fetchtest.Status(412), middle, id, core.AssetChanged, "AssetChanged", store.Never},
		"416":             {fetchtest.Status(416), middle, id, core.AssetError, "RangeMismatch", store.Never},
		"416 empty now":   {fetchtest.Status(416, "Content-Range", "bytes */0"), middle, store.Identity{}, core.AssetError, "RangeMismatch", store.Never},
		"418":             {fetchtest.Status(418), middle, id, core.AssetError, "HTTP418", store.Never},
		"408":             {fetchtest.Status(408), middle, id, core.AssetError, "HTTP408", store.Transient},
		"429":             {fetchtest.Status(429), middle, id, core.AssetError, "HTTP429", store.Throttled},
		"500":             {fetchtest.Status(500), middle, id, core.AssetError, "HTTP500", store.Transient},
		"503":             {fetchtest.Status(503), middle, id, core.AssetError, "HTTP503", store.Transient},
		"503 slow down":   {fetchtest.Document(503, "application/xml", "<Error><Code>SlowDown</Code></Error>"), middle, id, core.AssetError, "HTTP503", store.Throttled},
		"400":             {fetchtest.Status(400), middle, id, core.AssetError, "HTTP400", store.Never},
		"400 expired":     {fetchtest.Document(400, "application/xml", "<Error><Code>ExpiredToken</Code></Error>"), middle, id, core.AccessDenied, store.AccessDenied, store.Never},
		"404 stalled":     {fetchtest.Stalled(404), middle, id, core.AssetNotFound, "NotFound", store.Never},
		"403 stalled":     {fetchtest.Stalled(403, "Content-Type", "application/xml"), middle, id, core.AccessDenied, "AccessDenied", store.Never},
		"no HTTP":         {fetchtest.Raw("220 ready\r\n\r\n"), middle, id, core.AssetError, "NotHTTP", store.Transient},
		"no status":       {fetchtest.Raw("HTTP/1.1 sig=SECRET\r\n\r\n"), middle, id, core.AssetError, "NotHTTP", store.Transient},
		"a length":        {fetchtest.Raw("HTTP/1.1 206 OK\r\nContent-Length: sig=SECRET\r\n\r\n"), middle, id, core.AssetError, "NotHTTP", store.Transient},
		"400 timeout":     {fetchtest.Document(400, "application/xml", "<Error><Code>RequestTimeout</Code></Error>"), middle, id, core.AssetError, "HTTP400", store.Transient},
		"FIN":             {fetchtest.CutAfter(500, false), middle, id, core.AssetError, "ShortRead", store.Transient},
		"RST":             {fetchtest.CutAfter(500, true), middle, id, core.AssetError, "ConnectionLost", store.Transient},
		"short chunked":   {fetchtest.ShortChunked(500), middle, id, core.AssetError, "ShortRead", store.Transient},
		"long chunked":    {fetchtest.LongChunked, middle, id, core.AssetError, "RangeMismatch", store.Never},
		"shifted":         {fetchtest.Shifted(10), middle, id, core.AssetError, "RangeMismatch", store.Never},
		"other total":     {fetchtest.Total(99_000), middle, id, core.AssetError, "RangeMismatch", store.Never},
		"total too small": {fetchtest.Total(2000), middle, store.Identity{}, core.AssetError, "RangeMismatch", store.Never},
		"gzip":            {fetchtest.Encoded("gzip"), middle, id, core.AssetError, "EncodingError", store.Never},
		"multipart":       {fetchtest.Multipart, middle, id, core.AssetError, "RangeMismatch", store.Never},
		"small whole":     {fetchtest.Whole(100_000, func(int64) {}), middle, id, core.AssetError, "RangeNotSupported", store.Never},
		"large whole":     {fetchtest.Whole(5<<20, func(int64) {}), core.ByteRange{End: 100}, store.Identity{}, core.AssetError, "RangeNotSupported", store.Never},
		"endless page":    {fetchtest.Page(strings.Repeat("x", 4000)), middle, store.Identity{}, core.AssetError, "RangeNotSupported", store.Never},
		"other version":   {fetchtest.Serve, middle, store.Identity{ETag: `W/"old"`}, core.AssetChanged, "AssetChanged", store.Never},
		"no answer":       {fetchtest.Silence, middle, id, core.FetchTimeout, "FirstByteTimeout", store.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fetchtest.NewServer(t)
			url := server.Put("/x.tif", object)
			server.Always("/x.tif", tc.reply)
			_, f := read(newStore(t, config()), url, tc.r, tc.want)
			if f == nil || f.Class != tc.class || f.Reason != tc.reason || f.Retry != tc.retry {
				t.Errorf("got %+v, want %s/%s, retry %d", f, tc.class, tc.reason, tc.retry)
			}
			if f != nil && strings.Contains(f.Error(), "SECRET") {
				t.Errorf("the server's words are repeated: %v", f)
			}
		})
	}
}

func TestAnswersThatAreTaken(t *testing.T) {
	data := fetchtest.Pattern(10_000, 1)
	for name, tc := range map[string]struct {
		object fetchtest.Object
		reply  fetchtest.Reply
		want   store.Identity
	}{
		"no version":                  {fetchtest.Object{Data: data}, fetchtest.Serve, store.Identity{}},
		"time instead of tag":         {fetchtest.Object{Data: data, LastModified: "Wed, 21 Oct 2015 07:28:00 GMT"}, fetchtest.Serve, store.Identity{ETag: `W/"modified Wed, 21 Oct 2015 07:28:00 GMT"`, Size: 10_000}},
		"time left out in the answer": {fetchtest.Object{Data: data}, fetchtest.ShortChunked(2000), store.Identity{ETag: `W/"modified Wed, 21 Oct 2015 07:28:00 GMT"`}},
		"whole small file":            {fetchtest.Object{Data: data}, fetchtest.Whole(10_000, func(int64) {}), store.Identity{}},
		"chunked, all there":          {fetchtest.Object{Data: data}, fetchtest.ShortChunked(2000), store.Identity{}},
		"unit in capitals":            {fetchtest.Object{Data: data}, fetchtest.Raw("HTTP/1.1 206 OK\r\nContent-Range: Bytes 0-1999/10000\r\n\r\n" + string(data[:2000])), store.Identity{}},
		"HTTP/1.0":                    {fetchtest.Object{Data: data}, fetchtest.Raw("HTTP/1.0 206 OK\r\nContent-Range: bytes 0-1999/10000\r\n\r\n" + string(data[:2000])), store.Identity{}},
		"page that ends":              {fetchtest.Object{Data: data}, fetchtest.Page(string(data[:2000])), store.Identity{}},
		"identity coding":             {fetchtest.Object{Data: data}, fetchtest.Encoded("identity"), store.Identity{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := fetchtest.NewServer(t)
			url := server.Put("/x.tif", tc.object)
			server.Always("/x.tif", tc.reply)
			got, f := read(newStore(t, config()), url, core.ByteRange{End: 2000}, tc.want)
			if f != nil || string(got) != string(data[:2000]) {
				t.Errorf("%v, %d bytes", f, len(got))
			}
		})
	}
}

func TestPreconditions(t *testing.T) {
	server := fetchtest.NewServer(t)
	url := server.Put("/x.tif", fetchtest.Object{Data: fetchtest.Pattern(100, 1), ETag: `"a"`, LastModified: "Wed, 21 Oct 2015 07:28:00 GMT"})
	s := newStore(t, config())
	read(s, url, core.ByteRange{Start: 1, End: 5}, store.Identity{ETag: `"a"`})
	read(s, url, core.ByteRange{Start: 1, End: 5}, store.Identity{ETag: `W/"modified Wed, 21 Oct 2015 07:28:00 GMT"`})
	read(s, url, core.ByteRange{Start: 1, End: 5}, store.Identity{ETag: `W/"a"`})
	got := server.Requests()
	for i, want := range []map[string]string{
		{"Range": "bytes=1-4", "If-Match": `"a"`, "If-Unmodified-Since": "", "Accept-Encoding": "identity", "Referer": ""},
		{"If-Match": "", "If-Unmodified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"},
		{"If-Match": "", "If-Unmodified-Since": ""},
	} {
		for name, value := range want {
			if got[i].Header.Get(name) != value {
				t.Errorf("request %d: %s is %q, want %q", i, name, got[i].Header.Get(name), value)
			}
		}
	}
	if server.Connections() != 1 {
		t.Errorf("%d connections for requests one after another", server.Connections())
	}
}

func TestEntityTags(t *testing.T) {
	server, s := fetchtest.NewServer(t), newStore(t, config())
	for sent, want := range map[string]string{
		`"a"`: `"a"`, `W/"a"`: `W/"a"`, `""`: `""`, "": "",
		"a": `W/"a"`, `"a`: `W/"a"`, `w/"a"`: `W/"a"`, `"`: `W/""`,
	} {
		url := server.Put("/x.tif", fetchtest.Object{Data: []byte("12345"), ETag: sent})
		body, err := s.ReadRange(context.Background(), store.Request{Href: url, Range: core.ByteRange{End: 5}})
		if err != nil {
			t.Fatal(err)
		}
		if got := body.Identity().ETag; got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
		body.Close()
	}
}

func TestRedirects(t *testing.T) {
	home, other := fetchtest.NewServer(t), fetchtest.NewServer(t)
	data := fetchtest.Pattern(100, 1)
	target := other.Put("/y.tif", fetchtest.Object{Data: data, ETag: `"a"`})
	secure := httptest.NewTLSServer(http.RedirectHandler(target, http.StatusFound))
	defer secure.Close()
	cfg := config()
	cfg.CABundle = trust(t, secure)
	s := newStore(t, cfg)
	for location, reason := range map[string]string{
		target:                            "",
		"/again?signature=x":              "TooManyRedirects",
		"file:///etc/passwd":              "RedirectRefused",
		"http://user:pw@127.0.0.1/":       "RedirectRefused",
		"http://169.254.169.254/latest":   "AddressRefused",
		"http://[fe80::1%25lo]/":          "AddressRefused",
		"http://[::ffff:169.254.169.254]": "AddressRefused",
	} {
		home.Always("/again?signature=x", fetchtest.Redirect(location))
		before := len(home.Requests())
		got, f := read(s, home.URL+"/again?signature=x", core.ByteRange{End: 100}, store.Identity{})
		if (f == nil) != (reason == "") || (f != nil && f.Reason != reason) {
			t.Errorf("%s: %v, want %q", location, f, reason)
		}
		if f == nil && string(got) != string(data) {
			t.Errorf("%s: wrong bytes", location)
		}
		if n := len(home.Requests()) - before; n > 6 {
			t.Errorf("%s: %d requests", location, n)
		}
		if f != nil && strings.Contains(f.Error(), "signature=x") {
			t.Errorf("%s: the error shows the query: %v", location, f)
		}
	}
	for _, r := range other.Requests() {
		if r.Header.Get("Referer") != "" {
			t.Errorf("the other server was told %q", r.Header.Get("Referer"))
		}
	}
	if _, f := read(s, secure.URL, core.ByteRange{End: 100}, store.Identity{}); f == nil || f.Reason != "RedirectRefused" {
		t.Errorf("from https to http: %v", f)
	}
}

func TestPolicy(t *testing.T) {
	server := fetchtest.NewServer(t)
	url := server.Put("/x.tif", fetchtest.Object{Data: fetchtest.Pattern(100, 1)})
	named := strings.Replace(url, "127.0.0.1", "localhost", 1)
	cfg := config()
	cfg.Policy = httpstore.Policy{DenyLoopback: true}
	for _, href := range []string{url, named} {
		if _, f := read(newStore(t, cfg), href, core.ByteRange{End: 1}, store.Identity{}); f == nil || f.Reason != "AddressRefused" {
			t.Errorf("%s: %v", href, f)
		}
	}
	cfg.Policy.AllowHosts = []string{"LOCALHOST"}
	if _, f := read(newStore(t, cfg), named, core.ByteRange{End: 1}, store.Identity{}); f != nil {
		t.Errorf("allowed by name: %v", f)
	}
	cfg.Policy = httpstore.Policy{DenyPrivate: true}
	for _, host := range []string{"10.1.2.3", "192.168.0.1", "100.64.0.1", "[fd00::1]"} {
		if _, f := read(newStore(t, cfg), "http://"+host+"/", core.ByteRange{End: 1}, store.Identity{}); f == nil || f.Reason != "AddressRefused" {
			t.Errorf("%s: %v", host, f)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("the server saw %d requests, want 1", n)
	}
}

// What a public catalog names must not lead into the caller's own network.
func TestHrefsOfCatalogs(t *testing.T) {
	server := fetchtest.NewServer(t)
	url := server.Put("/x.tif", fetchtest.Object{Data: fetchtest.Pattern(100, 1)})
	s := newStore(t, config())
	allowing := config()
	allowing.Policy.AllowHosts = []string{"127.0.0.1", "169.254.169.254"}
	allowed := newStore(t, allowing)
	for _, tc := range []struct {
		store   *httpstore.Store
		catalog string
		href    string
		refused bool
	}{
		{s, "", url, false}, // also: its connection must not serve the next
		{s, "https://example.com/c.parquet", url, true},
		{s, "s3://bucket/c.parquet", url, true},
		{s, "/data/c.parquet", url, false},
		{s, "file:///data/c.parquet", url, false},
		{s, "http://127.0.0.1:1/c.parquet", url, false},
		{s, "http://localhost:1/c.parquet", url, false},
		{s, "http://10.0.0.1/c.parquet", "http://169.254.169.254/x", true},
		{allowed, "https://example.com/c.parquet", url, false},
		{allowed, "", "http://169.254.169.254/x", true},
	} {
		ctx := httpstore.FromCatalog(context.Background(), tc.catalog)
		body, err := tc.store.ReadRange(ctx, store.Request{Href: tc.href, Range: core.ByteRange{End: 1}})
		var f *store.Fault
		if refused := errors.As(err, &f) && f.Reason == "AddressRefused"; refused != tc.refused || err != nil && !refused {
			t.Errorf("%s from %q: %v", tc.href, tc.catalog, err)
		}
		if err == nil {
			body.Close()
		}
	}
}

func TestNoConnection(t *testing.T) {
	closed := fetchtest.NewServer(t)
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = untrusted.Config.ErrorLog
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	cfg := config()
	cfg.CABundle = trust(t, old)
	for _, tc := range []struct {
		href, reason string
		class        core.Class
		cfg          httpstore.Config
	}{
		{closed.URL, "Refused", core.AssetError, config()},
		{untrusted.URL, "Certificate", core.AssetError, config()},
		{old.URL, "TLS", core.AssetError, cfg},
		{"https" + strings.TrimPrefix(plain.URL, "http"), "TLS", core.AssetError, config()},
		{"http://name.invalid/", "DNS", core.AssetError, config()},
		{"http://user@127.0.0.1/", "Href", core.InvalidArgument, config()},
		{"http:///x", "Href", core.InvalidArgument, config()},
		{"http://127.0.0.1/a\nb", "Href", core.InvalidArgument, config()},
		{"https://127.0.0.1/", "CABundle", core.InvalidArgument, httpstore.Config{CABundle: "/none.pem"}},
	} {
		start := time.Now()
		_, f := read(newStore(t, tc.cfg), tc.href, core.ByteRange{End: 1}, store.Identity{})
		if f == nil || f.Reason != tc.reason || f.Class != tc.class {
			t.Errorf("%s: %v, want %s", tc.href, f, tc.reason)
		}
		if f != nil && f.Retry != store.Never && f.Reason != "DNS" {
			t.Errorf("%s: would be tried again", tc.href)
		}
		if spent := time.Since(start); spent > 2*time.Second && tc.reason != "DNS" {
			t.Errorf("%s: took %v", tc.href, spent)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		after time.Duration
	}{
		{[]string{"Retry-After", "7"}, 7 * time.Second},
		{[]string{"Retry-After", "Wed, 21 Oct 2015 07:29:00 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT"}, time.Minute},
		{[]string{"Retry-After", "Wed, 21 Oct 2015 07:27:00 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT"}, 0},
		{[]string{"Retry-After", "99999999999999999999"}, (1<<31 - 1) * time.Second},
		{[]string{"Retry-After", "-7"}, 0},
		{[]string{"Retry-After", "soon"}, 0},
		{nil, 0},
	} {
		server := fetchtest.NewServer(t)
		server.Always("/", fetchtest.Status(429, tc.lines...))
		_, f := read(newStore(t, config()), server.URL+"/", core.ByteRange{End: 1}, store.Identity{})
		if f == nil || f.After != tc.after {
			t.Errorf("%v: %+v", tc.lines, f)
		}
	}
}
