package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"testing"

	"cogweave/core"
)

func TestProfilesAreReadable(t *testing.T) {
	for _, kind := range profileKinds {
		r := profileRequest{Kind: kind, Seconds: 0.05}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		text, err := r.profile(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(text)) // pprof's protocol buffers are gzipped
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if body, err := io.ReadAll(unpacked); err != nil || len(body) == 0 {
			t.Fatalf("%s: %d bytes, %v", kind, len(body), err)
		}
	}
}

func TestProfileRefusesNonsense(t *testing.T) {
	for _, r := range []profileRequest{{}, {Kind: "everything"}, {Kind: "cpu", Seconds: -1}, {Kind: "cpu", Seconds: 1e9}} {
		wantError(t, r.check(), core.InvalidArgument, "Profile", "profile")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := profileRequest{Kind: "cpu", Seconds: 60}.profile(ctx)
	wantError(t, err, core.Cancelled, "Cancelled", "cancelled")
	if _, err := (profileRequest{Kind: "cpu", Seconds: 0.01}).profile(t.Context()); err != nil {
		t.Fatalf("after a cancelled one: %v", err)
	}
}
