package httpstore

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"cogweave/core"
	"cogweave/fetch/store"
)

// accept checks that an answer holds the range asked for, of the version asked for.
func accept(req store.Request, resp *http.Response) (store.Body, error) {
	var b *body
	var err error
	switch resp.StatusCode {
	case http.StatusPartialContent:
		b, err = partial(req, resp)
	case http.StatusOK:
		b, err = whole(req, resp)
	case http.StatusRequestedRangeNotSatisfiable:
		b, err = unsatisfiable(req, resp)
	default:
		err = statusFault(resp)
	}
	if err == nil {
		err = req.Want.Check(b.id)
	}
	if err != nil {
		discard(resp)
		return nil, err
	}
	return b, nil
}

// mismatch is the fault of an answer about something else than was asked.
func mismatch(format string, args ...any) *store.Fault {
	return &store.Fault{Class: core.AssetError, Reason: "RangeMismatch", Message: fmt.Sprintf(format, args...)}
}

func encoded(resp *http.Response) error {
	coding := resp.Header.Get("Content-Encoding")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	return &store.Fault{Class: core.AssetError, Reason: "EncodingError",
		Message: "the server answered with Content-Encoding " + strconv.Quote(coding) + ", of which a range is no use"}
}

// partial checks a 206.
func partial(req store.Request, resp *http.Response) (*body, error) {
	if strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "multipart/") {
		return nil, mismatch("the server answered one range with several parts")
	}
	if err := encoded(resp); err != nil {
		return nil, err
	}
	text := resp.Header.Get("Content-Range")
	got, total, ok := parseContentRange(text)
	if !ok {
		return nil, mismatch("asked for bytes %v, the answer's Content-Range is %q", req.Range, text)
	}
	id := identityOf(resp.Header, total)
	if err := req.Want.Check(id); err != nil {
		return nil, err
	}
	want := req.Range
	if size := max(total, req.Want.Size); size > 0 {
		want = store.Clip(want, size)
	}
	if got != want {
		return nil, mismatch("asked for bytes %v, the answer is about bytes %v of %d", req.Range, got, total)
	}
	if resp.ContentLength >= 0 && resp.ContentLength < want.Len() {
		return nil, store.Short(want.Len(), resp.ContentLength, nil)
	}
	if resp.ContentLength > want.Len() {
		return nil, mismatch("the answer to %d bytes has %d", want.Len(), resp.ContentLength)
	}
	return &body{src: resp.Body, id: id, bytes: want, left: want.Len(), framed: resp.ContentLength >= 0}, nil
}

// whole checks a 200, which is taken for small files only, and only from their first byte.
func whole(req store.Request, resp *http.Response) (*body, error) {
	if err := encoded(resp); err != nil {
		return nil, err
	}
	size := resp.ContentLength
	if req.Range.Start != 0 || size > maxWholeFile {
		return nil, noRanges()
	}
	if size < 0 {
		return smallChunked(req, resp)
	}
	r := store.Clip(req.Range, size)
	return &body{src: resp.Body, id: identityOf(resp.Header, size), bytes: r, left: r.Len(), framed: true}, nil
}

func noRanges() *store.Fault {
	return &store.Fault{Class: core.AssetError, Reason: "RangeNotSupported", Message: "the server ignores Range and sends the whole file"}
}

// smallChunked takes a 200 of unknown length if it ends within the range asked for: such as a page
// that tells of an error, whose first bytes then show what it is.
func smallChunked(req store.Request, resp *http.Response) (*body, error) {
	most := min(req.Range.Len(), 64<<10)
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, readFault(err, req.Range.Len(), int64(len(data)))
	}
	size := int64(len(data))
	if size > most {
		return nil, noRanges()
	}
	resp.Body.Close()
	return &body{src: io.NopCloser(bytes.NewReader(data)), id: identityOf(resp.Header, size),
		bytes: core.ByteRange{End: size}, left: size, framed: true}, nil
}

// unsatisfiable handles a 416: the answer that an empty file gives to any range.
func unsatisfiable(req store.Request, resp *http.Response) (*body, error) {
	text := resp.Header.Get("Content-Range")
	size, err := strconv.ParseInt(strings.TrimPrefix(text, "bytes */"), 10, 64)
	if err != nil || size < 0 {
		return nil, mismatch("the server has no bytes %v", req.Range)
	}
	if size == 0 && req.Want.Size > 0 {
		return nil, store.Changed("it had %d bytes, now it is empty", req.Want.Size)
	}
	id := identityOf(resp.Header, size)
	if err := (store.Identity{Size: req.Want.Size}).Check(id); err != nil {
		return nil, err
	}
	if size > 0 || req.Range.Start > 0 {
		return nil, mismatch("bytes %v lie beyond the end of the file at %d", req.Range, size)
	}
	discard(resp)
	return &body{src: http.NoBody, id: id, framed: true}, nil
}

// parseContentRange reads "bytes first-last/total"; total is 0 where the server wrote "*".
func parseContentRange(text string) (r core.ByteRange, total int64, ok bool) {
	unit, text, _ := strings.Cut(text, " ")
	span, size, found := strings.Cut(text, "/")
	first, last, dash := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !found || !dash {
		return r, 0, false
	}
	start, err1 := strconv.ParseUint(first, 10, 62)
	end, err2 := strconv.ParseUint(last, 10, 62)
	if err1 != nil || err2 != nil || end < start {
		return r, 0, false
	}
	r = core.ByteRange{Start: int64(start), End: int64(end) + 1}
	if size == "*" {
		return r, 0, true
	}
	n, err := strconv.ParseUint(size, 10, 62)
	if err != nil || int64(n) < r.End {
		return r, 0, false
	}
	return r, int64(n), true
}

// body hands out the bytes of an accepted answer.
type body struct {
	src    io.ReadCloser
	id     store.Identity
	bytes  core.ByteRange
	left   int64
	framed bool // the answer's header said how long it is; else only its end tells
}

func (b *body) Range() core.ByteRange    { return b.bytes }
func (b *body) Identity() store.Identity { return b.id }

// Close first lets an answer that was read to its last byte come to its end: a connection that is
// still within an answer cannot serve again.
func (b *body) Close() error {
	if b.left == 0 {
		b.hasMore()
	}
	return b.src.Close()
}

// Read never lets an early end pass for the end: Go's client does so for chunked answers.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.src.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.left == 0 {
		if !b.framed && b.hasMore() {
			return 0, mismatch("the answer is longer than the %d bytes asked for", b.bytes.Len())
		}
		return n, nil
	}
	if err == nil {
		return n, nil
	}
	return n, readFault(err, b.bytes.Len(), b.bytes.Len()-b.left)
}

func (b *body) hasMore() bool {
	var one [1]byte
	n, _ := io.ReadFull(b.src, one[:])
	return n > 0
}
