package cloud

import (
	"net/url"
	"regexp"
	"strings"

	"cogweave/core"
	"cogweave/fetch/store"
)

// kind is a family of object stores.
type kind int

const (
	s3 kind = iota + 1
	gcs
	azure
)

var schemes = map[string]kind{
	"s3": s3, "s3a": s3, "gs": gcs, "gcs": gcs,
	"az": azure, "azure": azure, "abfs": azure, "abfss": azure,
}

// Schemes lists the schemes whose hrefs always lie in buckets.
func Schemes() []string { return []string{"s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss"} }

// location is an href taken apart.
type location struct {
	kind    kind
	account string // Azure only; "" where the href does not tell
	suffix  string // Azure only: what follows the account in its host, without ".blob." or ".dfs."
	bucket  string // or container
	key     string // of the object, not percent-encoded; "" in a prefix
	query   string // such as a signature or a version
}

// name is the bucket as errors name it.
func (l location) name() string {
	switch {
	case l.kind == s3:
		return "s3://" + l.bucket
	case l.kind == gcs:
		return "gs://" + l.bucket
	case l.account != "":
		return "https://" + l.account + ".blob." + l.suffix + "/" + l.bucket
	}
	return "az://" + l.bucket
}

// Names end up in the host names of requests: no character may have a meaning there.
var (
	bucketName  = regexp.MustCompile(`^[A-Za-z0-9$][A-Za-z0-9._$-]{0,254}$`)
	accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	regionName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// azureClouds are the domains of the public and the national clouds.
var azureClouds = []string{"core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net"}

// claim takes an https href apart if it is that of a blob, and not signed already.
func claim(href string) (at location, ok bool) {
	if !strings.Contains(href, ".core.") {
		return at, false
	}
	at, err := locate(href)
	return at, err == nil && at.bucket != "" && at.key != "" && !strings.Contains(at.query, "sig=")
}

// locate takes an href apart; a prefix of one may lack the key, and the bucket.
func locate(href string) (location, error) {
	scheme, rest, ok := strings.Cut(href, "://")
	scheme = strings.ToLower(scheme)
	if scheme == "https" {
		return locateBlob(href)
	}
	at := location{kind: schemes[scheme], suffix: azureClouds[0]}
	if !ok || at.kind == 0 {
		return at, invalid("not the href of an object in a bucket")
	}
	rest, at.query, _ = strings.Cut(rest, "?")
	at.bucket, at.key, _ = strings.Cut(rest, "/")
	if container, host, isAccount := strings.Cut(at.bucket, "@"); isAccount && at.kind == azure {
		at.bucket = container
		if at.account, at.suffix, ok = splitHost(host); !ok {
			return at, invalid("%q is no host of Azure's storage", host)
		}
	}
	if at.bucket != "" && !bucketName.MatchString(at.bucket) {
		return at, invalid("%q is not the name of a bucket", at.bucket)
	}
	return at, nil
}

// locateBlob takes the URL of a blob apart.
func locateBlob(href string) (location, error) {
	at := location{kind: azure}
	u, err := url.Parse(href)
	if err != nil || u.User != nil {
		return at, invalid("not the URL of a blob")
	}
	ok := false
	if at.account, at.suffix, ok = splitHost(strings.ToLower(u.Host)); !ok {
		return at, invalid("%q is no host of Azure's storage", u.Host)
	}
	at.bucket, at.key, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	at.query = u.RawQuery
	if at.bucket != "" && !bucketName.MatchString(at.bucket) {
		return at, invalid("%q is not the name of a container", at.bucket)
	}
	return at, nil
}

// splitHost takes account.blob.core.windows.net and its like apart.
func splitHost(host string) (account, suffix string, ok bool) {
	account, rest, _ := strings.Cut(host, ".")
	service, suffix, _ := strings.Cut(rest, ".")
	if service != "blob" && service != "dfs" || !accountName.MatchString(account) {
		return "", "", false
	}
	for _, known := range azureClouds {
		if suffix == known {
			return account, suffix, true
		}
	}
	return "", "", false
}

func invalid(format string, args ...any) *store.Fault {
	e := core.Errorf(core.InvalidArgument, "Href", format, args...)
	return &store.Fault{Class: e.Class, Reason: e.Reason, Message: e.Message}
}

// escape writes a key as the path of a URL: every byte but the unreserved ones and the slash, which is
// what a signature of version 4 is made of.
func escape(key string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}

// objectURL joins a server's URL, which may have a path of its own, and the path of an object.
func objectURL(server *url.URL, path, query string) *url.URL {
	u := *server
	u.Path = strings.TrimSuffix(server.Path, "/") + "/" + path
	u.RawPath = strings.TrimSuffix(server.EscapedPath(), "/") + "/" + escape(path)
	u.RawQuery = query
	return &u
}
