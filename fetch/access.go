package fetch

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"cogweave/core"
	"cogweave/fetch/store"
)

// Signer makes hrefs readable, such as by adding a signature to their queries. It is safe for
// concurrent use and remembers what it has signed until shortly before that expires: it is asked once
// with all hrefs of a call that requests will be made for, and again, with one, before each request.
type Signer interface {
	// Sign gives the href to read instead of each one given, in the same order. again is set where the
	// server refused (401 or 403) what Sign gave last, signed or not, which therefore must be forgotten;
	// that happens once for each request. If Sign gives the same again, the refusal stands.
	Sign(ctx context.Context, hrefs []string, again bool) ([]string, error)
}

// Access is what a caller's context says of the way its files are to be reached.
type Access struct {
	// Signer signs hrefs at the time of reading; nil where they are read as they are.
	Signer Signer
	// Scope tells files apart that have one href but lie at different places, such as an s3 href under
	// two endpoints: caches and shared requests are kept apart by it. "" is the ordinary scope. One that
	// begins with "!" means something in this process only, and stays out of the cache folder.
	Scope string
	// Server, if set, names the place of a file whose server a catalog chose, "" for all others. Caches and
	// shared requests are kept apart by it, too: what one catalog's server says of a file is nothing that
	// another catalog's reader may see.
	Server func(href string) string
	// Tally counts what is requested for this caller; nil where nobody looks.
	Tally *Tally
}

// Tally counts the requests made for one caller. A request that serves several callers is counted for
// the one that it was started for.
type Tally struct {
	Planned  atomic.Int64 // requests known to be needed so far, without retries; those of headers as they are made
	Requests atomic.Int64 // made, retries included
	Retries  atomic.Int64 // of those, attempts after the first one at a range
	Bytes    atomic.Int64 // of answers that arrived

	// OnFile, if set before the calls, is told how the tiles of a file came: how many of them from the
	// cache, and how many requests were repeated. It is called from any goroutine and must not block.
	OnFile func(href string, cached, retries int)
}

func (t *Tally) file(href string, cached, retries int) {
	if t.OnFile != nil {
		t.OnFile(href, cached, retries)
	}
}

type accessKey struct{}

// With gives a context whose calls of a Client reach files by a. Requests that are shared keep the
// values of the context that they were started with, but not its end.
func With(ctx context.Context, a Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// accessOf is the Access of a context, the zero value where it has none.
func accessOf(ctx context.Context) Access {
	a, _ := ctx.Value(accessKey{}).(Access)
	if a.Tally == nil {
		a.Tally = &unread
	}
	return a
}

// unread counts for all those who do not look.
var unread Tally

// nameOf is the name of a file in caches: the same for every signature of its href.
func nameOf(ctx context.Context, href string) string {
	name := core.StripSignature(href)
	access := accessOf(ctx)
	scope := access.Scope
	if access.Server != nil {
		if server := access.Server(href); server != "" {
			scope += "\x02" + server
		}
	}
	if scope != "" {
		name += "\x01" + scope
	}
	return name
}

// ofThisProcess tells the names whose scope no other process knows.
func ofThisProcess(name string) bool { return strings.Contains(name, "\x01!") }

// shared is the context of a request that outlives the call it was started for: it ends with the
// client, and has the values of the call.
type shared struct {
	context.Context
	values context.Context
}

// Value looks at the client's context first, so that the context package finds its own.
func (s shared) Value(key any) any {
	if v := s.Context.Value(key); v != nil {
		return v
	}
	return s.values.Value(key)
}

// sharedSigner signs for a request that several callers wait for, with the signer of one that still
// does. It gives a signer that is not among those left out, which may be nil, and whether such a caller
// waits.
type sharedSigner func(leftOut []Signer) (signer Signer, waits bool)

// Sign implements Signer. A signer whose caller leaves says Cancelled, perhaps before that caller is off
// the list: another's is asked instead.
func (s sharedSigner) Sign(ctx context.Context, hrefs []string, again bool) (signed []string, err error) {
	var gone []Signer
	for {
		signer, waits := s(gone)
		if !waits && err != nil {
			return nil, err
		}
		if signer == nil {
			return hrefs, nil
		}
		signed, err = signer.Sign(ctx, hrefs, again)
		if err == nil || ctx.Err() != nil || core.ClassOf(err) != core.Cancelled {
			return signed, err
		}
		gone = append(gone, signer)
	}
}

// signerOf chooses among the signers of callers: one that is not nil, where there is any.
func signerOf(callers iter.Seq[Signer], leftOut []Signer) (signer Signer, waits bool) {
	for s := range callers {
		if slices.Contains(leftOut, s) {
			continue
		}
		if waits = true; s != nil {
			return s, true
		}
	}
	return nil, waits
}

// sign gives the href to request: another one than the server refused, where it did. A request
// whose signature was replaced since it was sent does not ask the signer to sign again.
func (a Access) sign(ctx context.Context, href, refused string) (string, *store.Fault) {
	if a.Signer == nil {
		return href, nil
	}
	signed, err := a.signAll(ctx, []string{href}, false)
	if err == nil && signed[0] == refused {
		signed, err = a.signAll(ctx, []string{href}, true)
	}
	if err != nil {
		return "", err
	}
	return signed[0], nil
}

func (a Access) signAll(ctx context.Context, hrefs []string, again bool) ([]string, *store.Fault) {
	signed, err := a.Signer.Sign(ctx, hrefs, again)
	if err == nil && len(signed) == len(hrefs) {
		return signed, nil
	}
	if err == nil {
		return nil, &store.Fault{Class: core.InvalidArgument, Reason: "Sign", Message: "sign gave another number of hrefs than it was asked for"}
	}
	f := &store.Fault{Class: core.AccessDenied, Reason: "Sign", Message: "the href could not be signed", Cause: err}
	var own *core.Error
	if errors.As(err, &own) {
		f = &store.Fault{Class: own.Class, Reason: own.Reason, Message: own.Message, Cause: own.Cause}
	}
	return nil, f
}

// presign has the hrefs of a call signed in one go. The signer remembers what it gave.
func (a Access) presign(ctx context.Context, hrefs []string) error {
	if a.Signer == nil || len(hrefs) == 0 {
		return nil
	}
	if _, fault := a.signAll(ctx, hrefs, false); fault != nil {
		return failure(fault, "", 0)
	}
	return nil
}

// failedToSign is a copy of err that names the href.
func failedToSign(err error, href string) *core.Error {
	var own *core.Error
	if !errors.As(err, &own) {
		own = core.Errorf(core.AccessDenied, "Sign", "the href could not be signed: %w", err)
	}
	named := *own
	return named.WithHref(href)
}
