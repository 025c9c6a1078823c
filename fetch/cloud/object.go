package cloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"cogweave/core"
	"cogweave/fetch/httpstore"
	"cogweave/fetch/store"
)

// object is one read of an object.
type object struct {
	*bucket
	at        location
	via       http.RoundTripper
	used      *credential
	region    string // that was asked
	refreshed bool
}

var _ httpstore.Object = (*object)(nil)

// Request implements httpstore.Object.
func (o *object) Request(ctx context.Context) (*url.URL, http.Header, error) {
	c, err := o.source.credential(ctx, o.via)
	if err != nil {
		return nil, nil, err
	}
	o.used = c
	o.region = o.server.region()
	u, header := o.locate(o.at, o.region), http.Header{}
	if err := o.sign(ctx, u, header, c, o.region); err != nil {
		return nil, nil, err
	}
	return u, header, nil
}

// Again implements httpstore.Object.
func (o *object) Again(ctx context.Context, answer *http.Response) bool {
	if o.moved(answer, o.region) {
		return true
	}
	if answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest {
		return false
	}
	again := !o.refreshed && o.source.refused(ctx, o.used)
	o.refreshed = true
	return again
}

// Trusted implements httpstore.Object.
func (o *object) Trusted() bool { return o.trusted }

// explain adds to a refusal whose bucket it was, and as whom it was read.
func (o *object) explain(err error) error {
	var f *store.Fault
	if !errors.As(err, &f) || f.Reason == "Credentials" {
		return err
	}
	if f.Class != core.AccessDenied && !strings.HasPrefix(f.Reason, "HTTP3") && f.Reason != "HTTP400" {
		return err
	}
	how := o.how
	if o.used == nil && o.source != nil {
		how = "anonymously, since no credentials were found"
	}
	named := *f
	if f.Reason == "HTTP400" && o.used != nil { // a token that is not one, or no longer
		named.Class, named.Reason = core.AccessDenied, "AccessDenied"
	}
	named.Message += "; the bucket " + o.name + " was read " + how
	return &named
}
