package main

import (
	"context"
	"encoding/json"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/signing"
)

// signatures are what the process has had signed.
var signatures = signing.NewBook()

// reaching is work that reaches its files as a says.
func (a access) reaching(work op.Work) op.Work {
	return func(ctx context.Context, o *op.Operation) (op.Result, error) {
		ctx, leave := a.buckets.enter(ctx, o)
		defer leave()
		return work(a.reach(ctx, o), o)
	}
}

// reach gives the context in which an operation's files are read: hrefs signed by the function that the
// caller named, if it did, and requests counted.
func (a access) reach(ctx context.Context, o *op.Operation) context.Context {
	ctx, m := metered(ctx, o)
	way := fetch.Access{Tally: &m.tally, Scope: a.buckets.scope(), Server: a.buckets.server}
	if a.Sign != "" {
		way.Signer = signing.New(ctx, signatures, a.Sign, signer(o))
	}
	return fetch.With(ctx, way)
}

// signer has hrefs signed by the caller of an operation.
func signer(o *op.Operation) signing.Ask {
	return func(ctx context.Context, hrefs []string, again bool) ([]string, error) {
		answer, err := o.Ask(ctx, op.Question{Name: "sign", About: map[string]any{"hrefs": hrefs, "again": again}})
		if err != nil {
			return nil, err
		}
		var signed []string
		if err := json.Unmarshal(answer, &signed); err != nil {
			return nil, core.Errorf(core.InvalidArgument, "Sign", "sign gave something else than hrefs")
		}
		return signed, nil
	}
}
