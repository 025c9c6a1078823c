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

func TestKnownHeadersAreReadOnce(t *testing.T) {
	k := newKnownHeaders()
	k.add([]*cog.Header{{Href: "b.tif"}}, nil)
	net := &scripted{}
	got := collect(t, k.reading(net), "a.tif", "b.tif", "missing.tif", "c.tif")
	if fmt.Sprint(got) != "map[0:a.tif 1:b.tif 2:not there 3:c.tif]" || fmt.Sprint(net.asked) != "[a.tif missing.tif c.tif]" {
		t.Fatalf("%v, asked %v", got, net.asked)
	}
	net.asked = nil
	collect(t, k.reading(net), "c.tif", "a.tif", "missing.tif")
	if fmt.Sprint(net.asked) != "[missing.tif]" {
		t.Fatalf("asked again for %v", net.asked)
	}
}

func TestWithoutAReaderAMissingHeaderIsAnError(t *testing.T) {
	k := newKnownHeaders()
	k.add([]*cog.Header{{Href: "b.tif"}}, nil)
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

// A table of headers holds hrefs without their signatures.
func TestHeaderOfASignedHref(t *testing.T) {
	item := func(hrefs ...string) core.Item {
		var i core.Item
		for _, h := range hrefs {
			i.Assets = append(i.Assets, core.ItemAsset{Href: h})
		}
		return i
	}
	signed, plain := "https://h/a.tif?sig=1", "https://h/b.tif"
	k := newKnownHeaders()
	k.add([]*cog.Header{{Href: core.Redact(signed)}, {Href: plain}}, []core.Item{item(signed, plain), item(signed)})
	if k.find(signed) == nil || k.find(plain) == nil {
		t.Fatal("not found")
	}
	one, two := "https://h/get?file=1", "https://h/get?file=2"
	k = newKnownHeaders()
	k.add([]*cog.Header{{Href: core.Redact(one)}}, []core.Item{item(one), item(two), item(one)})
	if k.find(one) != nil || k.find(two) != nil {
		t.Fatal("one header was taken for two files")
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
