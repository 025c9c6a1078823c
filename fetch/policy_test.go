package fetch

import (
	"slices"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

func TestCoalesce(t *testing.T) {
	cfg := Config{CoalesceBytes: 1000_000}.resolved()
	r := func(start, end int64) core.ByteRange { return core.ByteRange{Start: start, End: end} }
	for name, tc := range map[string]struct {
		ranges []core.ByteRange
		ends   []int
	}{
		"none":             {nil, []int{0}},
		"one":              {[]core.ByteRange{r(5, 10)}, []int{1}},
		"contiguous":       {[]core.ByteRange{r(0, 10), r(10, 20), r(20, 30)}, []int{3}},
		"leaders":          {[]core.ByteRange{r(0, 10), r(18, 20), r(28, 30)}, []int{3}},
		"too much waste":   {[]core.ByteRange{r(0, 1000), r(1100, 2000)}, []int{1, 2}},
		"little waste":     {[]core.ByteRange{r(0, 100_000), r(101_000, 200_000)}, []int{2}},
		"waste adds up":    {[]core.ByteRange{r(0, 100_000), r(102_000, 202_000), r(204_000, 304_000), r(304_010, 304_020)}, []int{2, 4}},
		"gap too wide":     {[]core.ByteRange{r(0, 900_000), r(970_000, 980_000)}, []int{1, 2}},
		"run too long":     {[]core.ByteRange{r(0, 600_000), r(600_000, 900_000), r(900_000, 1100_000)}, []int{2, 3}},
		"one alone is not": {[]core.ByteRange{r(0, 6000_000), r(6000_000, 6000_001)}, []int{1, 2}},
		"overlap":          {[]core.ByteRange{r(0, 100), r(50, 150), r(150, 160)}, []int{1, 3}},
	} {
		if got := coalesce(tc.ranges, cfg); !slices.Equal(got, tc.ends) {
			t.Errorf("%s: %v, want %v", name, got, tc.ends)
		}
	}
}

func TestPauses(t *testing.T) {
	cfg := Config{}.resolved()
	for name, tc := range map[string]struct {
		fault     store.Fault
		made      int
		spent     time.Duration
		low, high time.Duration
		reason    string
	}{
		"first":            {store.Fault{Retry: store.Transient}, 1, 0, 0, 100 * time.Millisecond, ""},
		"fourth":           {store.Fault{Retry: store.Transient}, 4, 0, 0, 800 * time.Millisecond, ""},
		"throttled":        {store.Fault{Retry: store.Throttled}, 3, 0, 0, 4 * time.Second, ""},
		"as asked":         {store.Fault{Retry: store.Throttled, After: 7 * time.Second}, 1, 0, 7 * time.Second, 7 * time.Second, ""},
		"asked for longer": {store.Fault{Retry: store.Throttled, Reason: "HTTP429", After: time.Minute}, 1, 0, 0, 0, "HTTP429"},
		"fifth":            {store.Fault{Retry: store.Transient, Reason: "HTTP500"}, 5, 0, 0, 0, "HTTP500"},
		"never":            {store.Fault{Reason: "NotFound"}, 1, 0, 0, 0, "NotFound"},
		"no time left":     {store.Fault{Retry: store.Transient, After: time.Second}, 1, time.Minute, 0, 0, "TotalTimeout"},
	} {
		widest := time.Duration(0)
		for range 100 {
			a := attempts{cfg: cfg, host: "a", budgets: newRetryBudgets(), total: cfg.TotalTimeout, made: tc.made, spent: tc.spent}
			wait, final := a.pause(&tc.fault)
			if (final == nil) != (tc.reason == "") || (final != nil && final.Reason != tc.reason) {
				t.Fatalf("%s: %v, want %q", name, final, tc.reason)
			}
			if wait < tc.low || wait > tc.high {
				t.Fatalf("%s: %v, want %v to %v", name, wait, tc.low, tc.high)
			}
			widest = max(widest, wait)
		}
		if widest < tc.high*8/10 {
			t.Errorf("%s: of 100 pauses up to %v none was longer than %v", name, tc.high, widest)
		}
	}
	a := attempts{cfg: cfg, made: 40}
	a.cfg.Attempts, a.budgets, a.total = 100, newRetryBudgets(), time.Hour
	if wait, _ := a.pause(&store.Fault{Retry: store.Throttled}); wait > 10*time.Second {
		t.Errorf("the fortieth pause is %v", wait)
	}
}

func TestRetryBudget(t *testing.T) {
	b := newRetryBudgets()
	n := 0
	for b.take("a", transientCost, 500) {
		n++
	}
	if n != 35 {
		t.Errorf("%d retries of 14 tokens from 500", n)
	}
	if !b.take("b", transientCost, 500) {
		t.Error("another host's budget was used")
	}
	for range 4 {
		b.succeed("a")
	}
	if !b.take("a", transientCost, 500) || b.take("a", throttledCost, 500) {
		t.Error("4 successes on top of 10 tokens do not give exactly one retry")
	}
	for range 500 {
		b.succeed("a")
	}
	if len(b.spent) != 1 {
		t.Errorf("%v is remembered", b.spent)
	}
}

func TestLRU(t *testing.T) {
	c := newLRU[string, int](100)
	for i, key := range []string{"a", "b", "c", "d"} {
		c.put(key, i, 25)
	}
	c.get("a")
	c.put("e", 4, 10)
	if _, ok := c.get("b"); ok || c.used != 85 {
		t.Errorf("b is still there, or %d bytes used instead of 85", c.used)
	}
	if v, ok := c.get("a"); !ok || v != 0 {
		t.Error("a was used last, and is gone")
	}
	c.put("large", 5, 26)
	if _, ok := c.get("large"); ok || c.used != 85 {
		t.Error("a value of more than a quarter of the budget is kept")
	}
	c.put("a", 6, 5)
	c.removeIf(func(key string, _ int) bool { return key == "c" })
	c.resize(20)
	if v, _ := c.get("a"); v != 6 || c.bytes() != 15 || !c.has("e") || c.has("c") || len(c.entries) != 2 || c.order.Len() != 2 {
		t.Errorf("%d bytes used, %d entries", c.used, len(c.entries))
	}
}

func TestSchemes(t *testing.T) {
	for href, want := range map[string]string{
		"/a/b.tif": "file", "a.tif": "file", "file:///a.tif": "file", "file:/a.tif": "file", "C:\\a.tif": "file",
		"HTTPS://x/a.tif": "https", "s3://b/k": "s3", "/odd/a://b.tif": "file", "://x": "file", "abfs+x://a": "abfs+x",
	} {
		if got := schemeOf(href); got != want {
			t.Errorf("%q: %q, want %q", href, got, want)
		}
	}
}
