// Package store is the contract between the fetch engine and the places that hold files. A store
// makes one attempt at one range; retries, timeouts over an attempt, merging, caching and limits are
// the engine's.
package store

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"cogweave/core"
)

// Store reads ranges of the files of one kind of place. It is safe for concurrent use.
type Store interface {
	// ReadRange starts reading a range, and returns once the answer was found to be about that range
	// of that version of the file. Its errors, and those of the Body, are *Fault.
	ReadRange(ctx context.Context, req Request) (Body, error)
	// Host names the server that holds href: reads of one host share its limits and its retry budget.
	// "" is this machine itself, which neither is rated nor gets tired.
	Host(href string) string
	// Close gives back idle connections. Reads under way go on.
	Close()
}

// Request is one range of one file.
type Request struct {
	Href string
	// Range is never empty. It may reach beyond the end of the file, where the Body then ends.
	Range core.ByteRange
	// Want is what is known of the version that the bytes must come from; its zero fields match all.
	Want Identity
}

// Body is the answer to a Request. Reads deliver exactly Range: io.EOF comes after its last byte,
// never before. Closing it early stops the transfer.
type Body interface {
	io.ReadCloser
	// Range is the requested range, cut at the end of the file.
	Range() core.ByteRange
	// Identity is the version of the file that the bytes come from.
	Identity() Identity
}

// Identity tells versions of a file apart.
type Identity struct {
	ETag string // entity tag with its quotes; W/"..." is a weak one; "" where the store has none
	Size int64  // bytes of the whole file, or 0 while unknown
}

// Strong tells whether equal tags mean equal bytes, so that a transfer may be resumed.
func (id Identity) Strong() bool { return strings.HasPrefix(id.ETag, `"`) }

// Check compares the version that an answer came from with the one wanted. A different tag or size is
// an AssetChanged fault; a size that differs under an equal strong tag is a RangeMismatch.
func (id Identity) Check(got Identity) error {
	sameTag := id.ETag == got.ETag
	switch {
	case id.ETag != "" && !sameTag && (got.ETag != "" || id.Strong()):
		return Changed("its entity tag was %s, now it is %s", shown(id.ETag), shown(got.ETag))
	case id.Size == 0 || got.Size == 0 || id.Size == got.Size:
		return nil
	case id.Strong() && sameTag:
		return &Fault{Class: core.AssetError, Reason: "RangeMismatch",
			Message: fmt.Sprintf("the server says that the file has %d bytes, under the same entity tag it had %d", got.Size, id.Size)}
	}
	return Changed("it had %d bytes, now it has %d", id.Size, got.Size)
}

func shown(tag string) string {
	if tag == "" {
		return "missing"
	}
	return tag
}

// Retry says whether asking again can help.
type Retry int

// The answers to that question.
const (
	Never     Retry = iota
	Transient       // an accident: ask again soon
	Throttled       // too many requests: ask again later, and less
)

// Fault is why one attempt failed. The engine makes a *core.Error of the last one.
type Fault struct {
	Class   core.Class
	Reason  string
	Message string
	Retry   Retry
	After   time.Duration // how long the server asked to be left alone; 0 if it did not
	Cause   error
}

// Error is the message, and the cause where there is one.
func (f *Fault) Error() string {
	if f.Cause == nil {
		return f.Message
	}
	return f.Message + ": " + f.Cause.Error()
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// AccessDenied is the reason of a fault where the server itself refused the request, by 401 or 403;
// another signature may be taken. Where no credentials could be had, the reason is another.
const AccessDenied = "AccessDenied"

// Changed is the fault of a file that is no longer the one that was asked for.
func Changed(format string, args ...any) *Fault {
	return &Fault{Class: core.AssetChanged, Reason: "AssetChanged",
		Message: "the file changed since it was first read: " + fmt.Sprintf(format, args...)}
}

// Short is the fault of an answer that ended early.
func Short(want, got int64, cause error) *Fault {
	return &Fault{Class: core.AssetError, Reason: "ShortRead", Retry: Transient, Cause: cause,
		Message: fmt.Sprintf("the answer ended early: want %d bytes, got %d", want, got)}
}

// Clip cuts a range at the end of a file of size bytes. It may become empty, never negative.
func Clip(r core.ByteRange, size int64) core.ByteRange {
	end := min(r.End, size)
	return core.ByteRange{Start: min(r.Start, end), End: end}
}
