package table

import (
	"fmt"
	"path"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"cogweave/core"
)

// maxHref bounds an href, in bytes.
const maxHref = 64 << 10

// resolveHref checks an href of a catalog (core.CheckHref) and makes it absolute. Its query string stays as
// it is.
func resolveHref(href string, ctx *assetContext) (string, error) {
	if len(href) > maxHref {
		return "", fmt.Errorf("it has %d bytes", len(href))
	}
	if ctx.origin != "" && strings.HasPrefix(href, ctx.origin) && core.OneLine(href) {
		return href, nil
	}
	if isAbsolute(href) {
		err := core.CheckHref(href, ctx.catalog)
		if err == nil {
			ctx.origin = strings.Clone(originOf(href))
		}
		return href, err
	}
	if err := core.CheckHref(href, ""); err != nil {
		return "", err
	}
	start := ctx.base()
	if !strings.HasPrefix(href, "/") || scheme(start) != "" {
		if core.ClimbsOut(folderOf(start), href) {
			// Real catalogs that were moved have such hrefs. It stays as it is, and fetch refuses it: an error of
			// those who want the asset's pixels, not of every search.
			return href, nil
		}
		href = join(start, href)
	}
	return href, core.CheckHref(href, ctx.catalog)
}

// originOf gives what stands before the path of a URL, the slash after it included: whatever path follows, the URL is as
// good. "" where there is none, or for a file.
func originOf(href string) string {
	name := scheme(href)
	start := len(name) + len("://")
	end := strings.IndexAny(href[start:], "/?#")
	if end < 0 || href[start+end] != '/' || strings.EqualFold(name, "file") {
		return ""
	}
	return href[:start+end+1]
}

// folderOf gives the folder of a file or URL, from its root on.
func folderOf(base string) string {
	if name := scheme(base); name != "" {
		_, base, _ = strings.Cut(base[len(name)+3:], "/")
		base, _, _ = strings.Cut("/"+base, "?")
	}
	return base[:strings.LastIndexByte(base, '/')+1]
}

func isVirtual(href string) bool {
	return len(href) >= 4 && strings.EqualFold(href[:4], "/vsi")
}

// scheme gives what stands before "://", or "".
func scheme(href string) string {
	name, _, ok := strings.Cut(href, "://")
	if !ok || name == "" || strings.ContainsAny(name, "/?#") {
		return ""
	}
	return name
}

// isAbsolute tells hrefs with a scheme; paths of the local file system are not among them.
func isAbsolute(href string) bool { return scheme(href) != "" }

// join resolves a relative href against the file or URL it was found in. Text is not decoded: percent
// signs stay what they were.
func join(base, href string) string {
	prefix := ""
	if name := scheme(base); name != "" {
		base, _, _ = strings.Cut(base, "#")
		base, _, _ = strings.Cut(base, "?")
		rest := base[len(name)+3:]
		host, folder, _ := strings.Cut(rest, "/")
		prefix, base = name+"://"+host, "/"+folder
	}
	file, query, hasQuery := strings.Cut(href, "?")
	if !strings.HasPrefix(file, "/") {
		folder := base[:strings.LastIndexByte(base, '/')+1]
		file = folder + file
	}
	file = path.Clean(file)
	if hasQuery {
		file += "?" + query
	}
	return prefix + file
}

// linksReader finds the place of an item among its links.
type linksReader struct {
	array     arrow.Array
	prepared  bool
	list      listReader
	rel, href textReader
	text      textReader
}

func (r *linksReader) prepare() {
	r.prepared = true
	if r.text = newTextReader(r.array, nil); r.text.array != nil {
		return
	}
	r.list = newListReader(r.array)
	f := structFields(r.list.values)
	r.rel, r.href = newTextReader(f.get("rel"), nil), newTextReader(f.get("href"), nil)
}

// self gives the item's absolute self link; an item without one lies where the catalog is.
func (r *linksReader) self(row int, catalog string) string {
	if !r.prepared {
		r.prepare()
	}
	self := ""
	if text, ok := r.text.peek(row); ok {
		self = selfInJSON(text)
	}
	for i, to := r.list.span(row); i < to; i++ {
		if rel, _ := r.rel.peek(i); rel == "self" {
			self, _ = r.href.peek(i)
			break
		}
	}
	if isAbsolute(self) || (strings.HasPrefix(self, "/") && !isVirtual(self)) {
		return self
	}
	return catalog
}

// textArena copies texts that do not repeat into larger pieces of memory.
type textArena struct{ piece strings.Builder }

// keep gives a copy of a text.
func (a *textArena) keep(text string) string {
	const size = 16 << 10
	if len(text) > size/8 {
		return strings.Clone(text)
	}
	if a.piece.Cap()-a.piece.Len() < len(text) {
		a.piece = strings.Builder{}
		a.piece.Grow(size)
	}
	start := a.piece.Len()
	a.piece.WriteString(text)
	return a.piece.String()[start:]
}
