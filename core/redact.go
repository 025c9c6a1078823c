package core

import (
	"net/url"
	"regexp"
	"strings"
)

// harmless lists the query parameters that may be shown: everything else is taken for a secret,
// as Azure's SDK does, since no list of secret names is ever complete.
var harmless = map[string]bool{
	"version": true, "versionid": true, "format": true, "collection": true, "collections": true,
	"item": true, "items": true, "id": true, "ids": true, "bbox": true, "datetime": true, "limit": true,
	"page": true, "alt": true, "prefix": true, "generation": true, "snapshot": true,
}

var urlPattern = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>\\^` + "`" + `{|}]+`)

// Redact removes userinfo and the values of query parameters from every URL in text. It is applied
// to whatever leaves the library in an error, a log line or a repr; text without a URL is unchanged.
func Redact(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return urlPattern.ReplaceAllStringFunc(text, redactURL)
}

func redactURL(raw string) string {
	base, query, hasQuery := strings.Cut(raw, "?")
	base, _, _ = strings.Cut(base, "#")
	scheme, rest, _ := strings.Cut(base, "://")
	authority, path, hasPath := strings.Cut(rest, "/")
	authority = withoutUser(scheme, authority)
	out := scheme + "://" + authority
	if hasPath {
		out += "/" + path
	}
	if !hasQuery {
		return out
	}
	query, _, _ = strings.Cut(query, "#")
	shown := make([]string, 0, 4)
	hidden := false
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if key, err := url.QueryUnescape(name); err == nil && harmless[strings.ToLower(key)] {
			shown = append(shown, part)
		} else {
			hidden = true
		}
	}
	if hidden {
		shown = append(shown, "...")
	}
	return out + "?" + strings.Join(shown, "&")
}

// withoutUser removes userinfo from an authority. What Azure's schemes have in its place is the name of
// a container, which is no secret, and part of the object's.
func withoutUser(scheme, authority string) string {
	user, host, found := strings.Cut(authority, "@")
	switch strings.ToLower(scheme) {
	case "abfs", "abfss", "az", "azure":
		if found && !strings.ContainsAny(user, ":%") && !strings.Contains(host, "@") {
			return authority
		}
	}
	return authority[strings.LastIndexByte(authority, '@')+1:]
}

// signatureParams are the query parameters that sign a URL or carry a secret (Azure SAS, AWS SigV4
// and CloudFront, Google): the parameters that differ between two signatures of one object.
var signatureParams = map[string]bool{
	"sig": true, "se": true, "st": true, "sp": true, "sv": true, "sr": true, "spr": true, "sip": true, "ske": true,
	"skoid": true, "sks": true, "skt": true, "sktid": true, "skv": true, "ss": true, "srt": true, "sdd": true,
	"awsaccesskeyid": true, "signature": true, "expires": true, "policy": true, "key-pair-id": true,
	"googleaccessid": true, "token": true, "access_token": true, "api_key": true, "apikey": true, "subscription-key": true,
}

// StripSignature gives href without userinfo and without the query parameters that sign it: the name
// of the object, the same for every signature. Parameters that select content stay.
func StripSignature(href string) string {
	base, query, hasQuery := strings.Cut(href, "?")
	if scheme, rest, ok := strings.Cut(base, "://"); ok {
		authority, path, hasPath := strings.Cut(rest, "/")
		authority = withoutUser(scheme, authority)
		base = scheme + "://" + authority
		if hasPath {
			base += "/" + path
		}
	}
	if !hasQuery {
		return base
	}
	kept := make([]string, 0, 4)
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		name = strings.ToLower(name)
		if !signatureParams[name] && !strings.HasPrefix(name, "x-amz-") && !strings.HasPrefix(name, "x-goog-") {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return base
	}
	return base + "?" + strings.Join(kept, "&")
}
