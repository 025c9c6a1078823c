package cloud

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cogweave/core"

	"golang.org/x/oauth2"
)

func mustOptions(t *testing.T, storage map[string]map[string]any) *Options {
	t.Helper()
	o, err := ParseOptions(storage)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhereObjectsLie(t *testing.T) {
	for href, want := range map[string]string{
		"s3://tiles/a b/ü+.tif":                            "https://tiles.s3.us-east-1.amazonaws.com/a%20b/%C3%BC%2B.tif",
		"s3://dotted.name/x.tif":                           "https://s3.us-east-1.amazonaws.com/dotted.name/x.tif",
		"s3://tiles/x.tif?versionId=7":                     "https://tiles.s3.us-east-1.amazonaws.com/x.tif?versionId=7",
		"gs://tiles/a/x.tif":                               "https://storage.googleapis.com/tiles/a/x.tif",
		"abfss://c@acct.dfs.core.windows.net/a/x.tif":      "https://acct.blob.core.windows.net/c/a/x.tif",
		"https://acct.blob.core.windows.net/c/a%20b/x.tif": "https://acct.blob.core.windows.net/c/a%20b/x.tif",
		"abfs://c@acct.dfs.core.chinacloudapi.cn/x.tif":    "https://acct.blob.core.chinacloudapi.cn/c/x.tif",
		"S3://tiles/x.tif":                                 "https://tiles.s3.us-east-1.amazonaws.com/x.tif",
	} {
		at, err := locate(href)
		if err != nil {
			t.Errorf("%s: %v", href, err)
			continue
		}
		b, err := NewAccess(NewIdentity(nil, Environment{"HOME": "/nonexistent"}), "").bucket(at)
		if err != nil {
			t.Errorf("%s: %v", href, err)
		} else if got := b.locate(at, b.region()).String(); got != want {
			t.Errorf("%s: %s, want %s", href, got, want)
		}
	}
	for _, href := range []string{
		"s3://evil.com#/x", "s3://a@b/x", "s3:///x", "abfs://c@acct.evil.com/x", "abfs://c@acct.dfs.core.windows.net.evil.com/x",
		"abfs://c@a/b.dfs.core.windows.net/x", "https://acct.blob.core.windows.net@evil.com/c/x", "s3://[::1]/x",
	} {
		if at, err := locate(href); err == nil && at.bucket != "" {
			t.Errorf("%s is taken for an object: %+v", href, at)
		}
	}
}

// TestCatalogsMayNameBuckets checks that an href of any scheme that is read here is one that a catalog may have.
func TestCatalogsMayNameBuckets(t *testing.T) {
	for _, scheme := range Schemes() {
		if err := core.CheckHref(scheme+"://bucket/key.tif", "https://catalogs.example/items.parquet"); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestStylesOfS3(t *testing.T) {
	for _, tc := range []struct{ endpoint, style, want string }{
		{"http://minio:9000", "", "http://minio:9000/tiles/x.tif"},
		{"http://minio:9000/base/", "", "http://minio:9000/base/tiles/x.tif"},
		{"https://tiles.example.com", "", "https://tiles.example.com/tiles/x.tif"}, // such as eodata.dataspace.copernicus.eu
		{"https://tiles.s3.example.com", "", "https://tiles.s3.example.com/x.tif"},
		{"https://tiles.nyc3.example.com", "true", "https://tiles.nyc3.example.com/x.tif"},
		{"https://nyc3.example.com", "true", "https://tiles.nyc3.example.com/x.tif"},
		{"", "false", "https://s3.eu-west-1.amazonaws.com/tiles/x.tif"},
	} {
		set := map[string]any{"region": "eu-west-1"}
		if tc.endpoint != "" {
			set["aws_endpoint"] = tc.endpoint
		}
		if tc.style != "" {
			set["virtual_hosted_style_request"] = tc.style
		}
		at, _ := locate("s3://tiles/x.tif")
		b, err := NewAccess(NewIdentity(mustOptions(t, map[string]map[string]any{"s3://tiles/": set}), nil), "").bucket(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.locate(at, b.region()).String(); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

// Whose credentials go where.
func TestCredentialsStayWithTheirBuckets(t *testing.T) {
	env := Environment{"AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S", "AZURE_STORAGE_ACCOUNT_NAME": "mine",
		"AZURE_STORAGE_ACCOUNT_KEY": "a2V5", "HOME": "/nonexistent"}
	given := map[string]any{"access_key_id": "G", "secret_access_key": "S"}
	custom := Hints{"s3://b": {"endpoint": "https://catalog.example.com"}}
	for name, tc := range map[string]struct {
		storage map[string]map[string]any
		catalog string
		hints   Hints
		href    string
		key     string // whose key; "" anonymous
	}{
		"local catalog":                      {nil, "/data/c.parquet", nil, "s3://b/x", "K"},
		"remote catalog":                     {nil, "https://example.com/c.parquet", nil, "s3://b/x", ""},
		"remote catalog, bucket named":       {map[string]map[string]any{"s3://b": {}}, "https://example.com/c.parquet", nil, "s3://b/x", "K"},
		"remote catalog, another named":      {map[string]map[string]any{"s3://c": {}}, "https://example.com/c.parquet", nil, "s3://b/x", ""},
		"remote catalog, allowed for all":    {map[string]map[string]any{"s3://": {"allow_env_credentials": true}}, "s3://cat/c.parquet", nil, "s3://b/x", "K"},
		"remote catalog in the same bucket":  {nil, "s3://b/c.parquet", nil, "s3://b/x", "K"},
		"given ones are for their bucket":    {map[string]map[string]any{"s3://b": given}, "", nil, "s3://b/x", "G"},
		"and not for another":                {map[string]map[string]any{"s3://b": given}, "https://example.com/c", nil, "s3://bb/x", ""},
		"a prefix ends at a slash":           {map[string]map[string]any{"s3://b/dir": given}, "https://example.com/c", nil, "s3://b/directory/x", ""},
		"the catalog named the server":       {nil, "", custom, "s3://b/x", ""},
		"the catalog named it, keys given":   {map[string]map[string]any{"s3://b": given}, "", custom, "s3://b/x", "G"},
		"anonymous as asked":                 {map[string]map[string]any{"s3://b": {"skip_signature": true}}, "", nil, "s3://b/x", ""},
		"the account of the environment":     {nil, "", nil, "abfs://c@mine.dfs.core.windows.net/x", "SAS"},
		"an account that a catalog names":    {nil, "", nil, "abfs://c@other.dfs.core.windows.net/x", ""},
		"a key for one account, another one": {map[string]map[string]any{"az://c": {"account_name": "a", "account_key": "a2V5"}}, "https://example.com/c", nil, "abfs://c@other.dfs.core.windows.net/x", ""},
	} {
		at, err := locate(tc.href)
		if err != nil {
			t.Fatal(err)
		}
		a := NewAccess(NewIdentity(mustOptions(t, tc.storage), env), tc.catalog)
		a.Learn(tc.hints)
		b, err := a.bucket(at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, err := b.source.credential(context.Background(), http.DefaultTransport)
		got := ""
		if c != nil {
			if got = c.AccessKeyID; c.SAS != "" {
				got = "SAS"
			}
		}
		if err != nil || got != tc.key {
			t.Errorf("%s: read %s with %q (%v), want %q", name, b.how, got, err, tc.key)
		}
	}
}

func TestCatalogsHintsAreNotTrusted(t *testing.T) {
	items := []core.Item{{Assets: []core.ItemAsset{
		{Href: "s3://b/x", AssetDescription: &core.AssetDescription{Storage: core.Storage{Region: "evil.com/", Endpoint: "http://169.254.169.254/", RequesterPays: true}}},
		{Href: "s3://b/y", AssetDescription: &core.AssetDescription{Storage: core.Storage{Region: "eu-west-1"}}},
		{Href: "s3://c/y", AssetDescription: &core.AssetDescription{Storage: core.Storage{Region: "eu-west-1", Endpoint: "https://u:p@x/"}}},
	}}}
	hints := HintsOf(items)
	if got := hints["s3://b"]; len(got) != 1 || got["requester_pays"] != "true" {
		t.Errorf("%v", got)
	}
	if got := hints["s3://c"]; len(got) != 1 || got["region"] != "eu-west-1" {
		t.Errorf("%v", got)
	}
}

// A token shown to a server that a catalog named would be that server's.
func TestTokensGoToNoServerOfACatalog(t *testing.T) {
	evil := &core.AssetDescription{Storage: core.Storage{Endpoint: "https://evil.example"}}
	id := NewIdentity(mustOptions(t, map[string]map[string]any{
		"gs://b": {"bearer_token": "T"}, "https://acct.blob.core.windows.net/c": {"sas_token": "sig=T"},
	}), nil)
	for _, href := range []string{"gs://b/x", "abfs://c@acct.dfs.core.windows.net/x"} {
		at, err := locate(href)
		if err != nil {
			t.Fatal(err)
		}
		a := NewAccess(id, "https://example.com/c.parquet")
		a.Learn(HintsOf([]core.Item{{Assets: []core.ItemAsset{{Href: href, AssetDescription: evil}}}}))
		b, err := a.bucket(at)
		if err != nil {
			t.Fatal(err)
		}
		if u := b.locate(at, b.region()); u.Host != "storage.googleapis.com" && u.Host != "acct.blob.core.windows.net" {
			t.Errorf("%s is read from %s %s", href, u.Host, b.how)
		}
	}
}

func TestServersOfCatalogs(t *testing.T) {
	hints := Hints{"s3://b": {"endpoint": "https://catalog.example.com"}}
	name := func(storage map[string]map[string]any, hints Hints, href string) string {
		a := NewAccess(NewIdentity(mustOptions(t, storage), nil), "https://example.com/c")
		a.Learn(hints)
		return a.Server(href)
	}
	first := name(nil, hints, "s3://b/x")
	other := name(nil, Hints{"s3://b": {"endpoint": "https://other.example.com"}}, "s3://b/x")
	if first == "" || other == "" || first == other || first != name(nil, hints, "s3://b/y") {
		t.Errorf("%q, %q", first, other)
	}
	own := map[string]map[string]any{"s3://b": {"endpoint": "https://mine.example.com"}}
	for what, got := range map[string]string{
		"another bucket":      name(nil, hints, "s3://c/x"),
		"no bucket":           name(nil, hints, "https://b/x"),
		"no hints":            name(nil, nil, "s3://b/x"),
		"the caller's server": name(own, hints, "s3://b/x"),
	} {
		if got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// Whether a host that begins like the bucket means it, the catalog's template says.
func TestTheCatalogTellsTheStyle(t *testing.T) {
	for inHost, want := range map[bool]string{
		false: "https://eodata.dataspace.example/eodata/x.tif", true: "https://eodata.dataspace.example/x.tif",
	} {
		a := NewAccess(NewIdentity(nil, Environment{"HOME": "/nonexistent"}), "")
		described := &core.AssetDescription{Storage: core.Storage{Endpoint: "https://eodata.dataspace.example", BucketInHost: inHost}}
		a.Learn(HintsOf([]core.Item{{Assets: []core.ItemAsset{{Href: "s3://eodata/x.tif", AssetDescription: described}}}}))
		at, _ := locate("s3://eodata/x.tif")
		b, err := a.bucket(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.locate(at, b.region()).String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestScopes(t *testing.T) {
	scope := func(storage map[string]map[string]any, env Environment) string {
		return NewIdentity(mustOptions(t, storage), env).Scope()
	}
	plain := scope(nil, Environment{"AWS_ACCESS_KEY_ID": "x"})
	place := scope(map[string]map[string]any{"s3://b": {"endpoint": "https://a"}}, nil)
	moved := scope(nil, Environment{"AWS_ENDPOINT_URL": "https://a"})
	secret := scope(map[string]map[string]any{"s3://b": {"endpoint": "https://a", "access_key_id": "x", "secret_access_key": "y"}}, nil)
	other := scope(map[string]map[string]any{"s3://b": {"endpoint": "https://a", "access_key_id": "x", "secret_access_key": "z"}}, nil)
	if plain != "" || place == "" || place[0] == '!' || moved == "" || moved == place || secret == other || secret[0] != '!' {
		t.Errorf("%q %q %q %q %q", plain, place, moved, secret, other)
	}
}

func TestRegionsAreLearned(t *testing.T) {
	at, _ := locate("s3://tiles/x.tif")
	made, err := newS3(Environment{"HOME": "/nonexistent"}, at, options{})
	if err != nil {
		t.Fatal(err)
	}
	answer := &http.Response{StatusCode: 301, Header: http.Header{"X-Amz-Bucket-Region": {"ap-south-1"}}}
	first := made.region()
	if !made.moved(answer, first) || made.moved(answer, made.region()) {
		t.Error("the bucket moves once")
	}
	if !made.moved(answer, first) {
		t.Error("who asked in the first region, too, is not told of the new one")
	}
	if u := made.locate(at, made.region()); u.Host != "tiles.s3.ap-south-1.amazonaws.com" {
		t.Error(u)
	}
	answer.Header.Set("X-Amz-Bucket-Region", "evil.com/")
	if made.moved(answer, made.region()) {
		t.Error("a region that is none was taken")
	}
}

func TestCredentialsAreKeptUntilTheyExpire(t *testing.T) {
	calls, expires, ctx := 0, time.Now().Add(time.Hour), context.Background()
	s := newSource("test", func(context.Context, http.RoundTripper) (*credential, error) {
		calls++
		return &credential{Token: "t", expires: expires}, nil
	})
	get := func() *credential {
		c, err := s.credential(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get()
	if get() != first || calls != 1 {
		t.Errorf("%d calls", calls)
	}
	if !s.refused(ctx, first) || get() == first || calls != 2 {
		t.Errorf("refused: %d calls", calls)
	}
	if s.refused(ctx, first); calls != 2 {
		t.Error("a credential that was replaced already was forgotten again")
	}
	expires = time.Now()
	s.refused(ctx, get())
	get()
	get()
	if calls < 4 {
		t.Errorf("expired: %d calls", calls)
	}
	if fixed("x", first).refused(ctx, first) {
		t.Error("what cannot change was asked for again")
	}
}

// Whoever leaves does not wait for credentials that somebody else is looking for, or for a kit that
// knows no context.
func TestNobodyWaitsOnAfterCancelling(t *testing.T) {
	looking, found := make(chan struct{}), make(chan struct{})
	s := newSource("test", func(context.Context, http.RoundTripper) (*credential, error) {
		close(looking)
		<-found
		return nil, nil
	})
	var first sync.WaitGroup
	first.Go(func() { _, _ = s.credential(context.Background(), nil) })
	<-looking
	gone, leave := context.WithCancel(context.Background())
	leave()
	if s.refused(gone, &credential{}) {
		t.Error("a credential was forgotten while another was looked for")
	}
	if _, err := s.credential(gone, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := tokenOf(gone, silent(found)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(found)
	first.Wait()
}

// silent is a source of tokens that gives none until it is closed.
type silent chan struct{}

func (s silent) Token() (*oauth2.Token, error) {
	<-s
	return nil, errors.New("closed")
}

func TestAnAskerThatLeavesIsFollowedByAnother(t *testing.T) {
	id := NewIdentity(mustOptions(t, map[string]map[string]any{"s3://b": {"credential_provider": "p"}}), nil)
	stay := id.Join(func(context.Context, string) (json.RawMessage, error) {
		return json.RawMessage(`{"access_key_id": "k", "secret_access_key": "s"}`), nil
	})
	defer stay()
	id.Join(func(context.Context, string) (json.RawMessage, error) {
		return nil, core.Errorf(core.Cancelled, "", "gone")
	})
	at, _ := locate("s3://b/x")
	b, err := NewAccess(id, "").bucket(at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.source.credential(context.Background(), nil)
	if err != nil || c.AccessKeyID != "k" {
		t.Errorf("%v, %v", c, err)
	}
	for text, want := range map[string]string{`{"x": 1}`: "none of", `[]`: "mapping", `{"token": "t", "expires_at": "soon"}`: "expires_at"} {
		if _, err := provided(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A service account's key becomes a bearer token, by way of the server that the key names.
func TestGoogleServiceAccount(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.FormValue("grant_type"), "jwt-bearer") {
			t.Errorf("asked for %v", r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token": "tok", "expires_in": 3600, "token_type": "Bearer"}`))
	}))
	defer server.Close()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	account, _ := json.Marshal(map[string]string{"type": "service_account", "client_email": "a@b", "private_key": string(text), "token_uri": server.URL})
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]*Identity{
		"environment": NewIdentity(nil, Environment{"GOOGLE_APPLICATION_CREDENTIALS": file}),
		"option":      NewIdentity(mustOptions(t, map[string]map[string]any{"gs://b": {"service_account": file}}), nil),
		"text":        NewIdentity(mustOptions(t, map[string]map[string]any{"gs://b": {"service_account_key": string(account)}}), nil),
	} {
		at, _ := locate("gs://b/x")
		b, err := NewAccess(id, "").bucket(at)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		c, err := b.source.credential(context.Background(), http.DefaultTransport)
		if err != nil || b.sign(context.Background(), b.locate(at, ""), header, c, "") != nil || header.Get("Authorization") != "Bearer tok" || c.expires.IsZero() {
			t.Errorf("%s: %v, %v", name, header, err)
		}
	}
}
