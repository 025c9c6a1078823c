package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
)

// scripted answers from a list and counts what it is asked for.
type scripted struct{ asked []string }

func (s *scripted) Headers(_ context.Context, hrefs []string, each func(i int, h *cog.Header, err error)) {
	s.asked = append(s.asked, hrefs...)
	for i := len(hrefs) - 1; i >= 0; i-- {
		if hrefs[i] == "missing.tif" {
			each(i, nil, errors.New("not there"))
		} else {
			each(i, &cog.Header{Href: hrefs[i]}, nil)
		}
	}
}

func collect(t *testing.T, r interface {
	Headers(context.Context, []string, func(int, *cog.Header, error))
}, hrefs ...string) map[int]string {
	t.Helper()
	got := map[int]string{}
	r.Headers(context.Background(), hrefs, func(i int, h *cog.Header, err error) {
		if _, twice := got[i]; twice {
			t.Fatalf("header %d came twice", i)
		}
		if got[i] = fmt.Sprint(err); err == nil {
			got[i] = h.Href
		}
	})
	if len(got) != len(hrefs) {
		t.Fatalf("%d answers for %d hrefs", len(got), len(hrefs))
	}
	return got
}

func TestGivenHeadersAreNotAskedForOthersAre(t *testing.T) {
	k := newKnownHeaders()
	k.add([]*cog.Header{{Href: "b.tif"}})
	net := &scripted{}
	got := collect(t, k.reading(net), "a.tif", "b.tif", "missing.tif", "c.tif")
	if fmt.Sprint(got) != "map[0:a.tif 1:b.tif 2:not there 3:c.tif]" || fmt.Sprint(net.asked) != "[a.tif missing.tif c.tif]" {
		t.Fatalf("%v, asked %v", got, net.asked)
	}
	// The reader is asked again, so that it can notice a change; where no request may be made, what was
	// seen serves.
	net.asked = nil
	collect(t, k.reading(net), "c.tif", "b.tif")
	if fmt.Sprint(net.asked) != "[c.tif]" {
		t.Fatalf("asked for %v", net.asked)
	}
	if got := collect(t, k.reading(nil), "a.tif", "b.tif", "c.tif"); fmt.Sprint(got) != "map[0:a.tif 1:b.tif 2:c.tif]" {
		t.Fatal(got)
	}
}

func TestWithoutAReaderAMissingHeaderIsAnError(t *testing.T) {
	k := newKnownHeaders()
	k.add([]*cog.Header{{Href: "b.tif"}})
	var errs []error
	k.reading(nil).Headers(context.Background(), []string{"b.tif", "https://h/a.tif?sig=SECRET"}, func(_ int, _ *cog.Header, err error) { errs = append(errs, err) })
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	wantError(t, errs[1], core.InvalidArgument, "HeaderMissing", "not among those given")
	if got := errs[1].(*core.Error).Href; got != "https://h/a.tif?..." {
		t.Fatalf("href %q", got)
	}
}

// A table of headers holds hrefs without their signatures, which differ from day to day.
func TestHeaderOfASignedHref(t *testing.T) {
	k := newKnownHeaders()
	k.add([]*cog.Header{{Href: "https://h/a.tif"}, {Href: "https://h/get?file=1"}})
	for href, want := range map[string]bool{
		"https://h/a.tif?sig=1": true, "https://h/a.tif?sig=2&se=3": true, "https://h/a.tif": true,
		"https://h/get?file=1&sig=4": true, "https://h/get?file=2": false,
	} {
		if got := k.find(href, false) != nil; got != want {
			t.Errorf("%s: %v", href, got)
		}
	}
}

func TestFirstErrorIsThatOfTheLowestPosition(t *testing.T) {
	other := func(i int) error { return fmt.Errorf("error %d", i) }
	gone := core.Errorf(core.Cancelled, "Cancelled", "cancelled")
	for _, c := range []struct {
		note func(f *firstError)
		want string
	}{
		{func(f *firstError) { f.note(3, nil) }, "<nil>"},
		{func(f *firstError) { f.note(3, other(3)); f.note(1, other(1)); f.note(2, other(2)) }, "error 1"},
		{func(f *firstError) { f.note(0, gone); f.note(5, other(5)); f.note(1, gone) }, "error 5"},
		{func(f *firstError) { f.note(2, gone) }, "cancelled"},
	} {
		var f firstError
		c.note(&f)
		if got := fmt.Sprint(f.get()); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
