package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"cogweave/core"
	"cogweave/fetch/store"
)

// A signature may lead to any file, and the next one to another. Where the server gives strong entity tags,
// they tell the two apart; elsewhere two files of one size may look the same. There the place that a file was
// read at is a part of its version: it is written into the weak tag, so that caches, plans and tables carry
// it along. The place is scheme, host and path. Queries differ from one signature of a file to the next.
const placeMark = ";place="

// placeOf names the place of a signed href.
func placeOf(target string) string {
	target, _, _ = strings.Cut(target, "?")
	if u, err := url.Parse(core.StripSignature(target)); err == nil {
		target = strings.ToLower(u.Scheme+"://"+u.Host) + u.EscapedPath()
	}
	sum := sha256.Sum256([]byte(target))
	return hex.EncodeToString(sum[:8])
}

// placed is the version of a file that was read at target.
func placed(id store.Identity, target string) store.Identity {
	if !id.Strong() {
		id.ETag = `W/"` + strings.TrimSuffix(strings.TrimPrefix(id.ETag, `W/"`), `"`) + placeMark + placeOf(target) + `"`
	}
	return id
}

// unplaced gives a version as servers know it, and the place that is written into it, or "".
func unplaced(id store.Identity) (plain store.Identity, place string) {
	tag, place, found := strings.Cut(strings.TrimSuffix(id.ETag, `"`), placeMark)
	if !found || id.Strong() {
		return id, ""
	}
	if id.ETag = tag + `"`; tag == `W/"` {
		id.ETag = ""
	}
	return id, place
}

// at is the version to ask for at target, or the fault of one that was read elsewhere.
func at(want store.Identity, target string) (store.Identity, *store.Fault) {
	plain, place := unplaced(want)
	if place != "" && place != placeOf(target) {
		return plain, store.Changed("its signature led to another place, and the server gives no strong entity tag to tell the files apart")
	}
	return plain, nil
}
