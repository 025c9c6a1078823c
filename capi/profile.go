package main

// #include "guard.h"
import "C"

import (
	"bytes"
	"context"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"cogweave/capi/op"
	"cogweave/core"
)

// profileRequest is the request of cw_profile.
type profileRequest struct {
	Kind    string  `json:"kind"`
	Seconds float64 `json:"seconds"` // of "cpu"; 0: one
}

// profileKinds are those that cost nothing until they are asked for.
var profileKinds = []string{"cpu", "heap", "allocs", "goroutine", "threadcreate"}

func (r profileRequest) check() error {
	if !slices.Contains(profileKinds, r.Kind) {
		return core.Errorf(core.InvalidArgument, "Profile", "profile: kind %q is not one of %s", r.Kind, strings.Join(profileKinds, ", "))
	}
	if !(r.Seconds >= 0 && r.Seconds <= mostSeconds) {
		return core.Errorf(core.InvalidArgument, "Profile", "profile: %v seconds is not between 0 and %d", r.Seconds, mostSeconds)
	}
	return nil
}

// profile takes the profile; one of the processor's ends early with ctx.
func (r profileRequest) profile(ctx context.Context) ([]byte, error) {
	var out bytes.Buffer
	if r.Kind != "cpu" {
		err := pprof.Lookup(r.Kind).WriteTo(&out, 0)
		return out.Bytes(), err
	}
	if err := pprof.StartCPUProfile(&out); err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Profile", "profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	seconds := r.Seconds
	if seconds == 0 {
		seconds = 1
	}
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, op.AsError(ctx.Err())
	}
	pprof.StopCPUProfile() // writes the profile; the deferred call then does nothing
	return out.Bytes(), nil
}

//export cwgo_profile
func cwgo_profile(queue C.cw_handle, request *C.char, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		var r profileRequest
		if err := decode("profile", C.GoString(request), &r); err != nil {
			return nil, err
		}
		if err := r.check(); err != nil {
			return nil, err
		}
		return func(ctx context.Context, _ *op.Operation) (op.Result, error) {
			text, err := r.profile(ctx)
			if err != nil {
				return nil, err
			}
			return bytesResult(text)
		}, nil
	})
}

// bytesResult copies bytes into memory that the caller can take.
func bytesResult(text []byte) (op.Result, error) {
	p, err := newPixels(int64(len(text)))
	if err != nil {
		return nil, err
	}
	copy(p.slice(), text)
	return p, nil
}
