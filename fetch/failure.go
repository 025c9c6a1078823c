package fetch

import (
	"context"

	"cogweave/core"
	"cogweave/fetch/store"
)

// unlessCancelled is e, or the end of ctx where that came first.
func unlessCancelled(ctx context.Context, e *core.Error, href string) *core.Error {
	if ctx.Err() != nil {
		return cancelled(ctx, href)
	}
	return e
}

// failure makes the library's error of a fault.
func failure(f *store.Fault, href string, attempts int) *core.Error {
	message := f.Message
	if f.Cause != nil {
		message = f.Error()
	}
	e := &core.Error{Class: f.Class, Reason: f.Reason, Message: core.Redact(message), Attempts: attempts, Cause: f.Cause}
	return e.WithHref(href)
}

func cancelled(ctx context.Context, href string) *core.Error {
	e := core.Errorf(core.Cancelled, "", "cancelled: %w", context.Cause(ctx))
	return e.WithHref(href)
}

// withRange is a copy of e that names the bytes it concerns.
func withRange(e *core.Error, r core.ByteRange) *core.Error {
	named := *e
	named.Range = &r
	return &named
}
