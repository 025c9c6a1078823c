package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// timeCases are the language-neutral cases, which Python runs too.
type timeCases struct {
	Datetime []struct {
		Text, Error string
		Start, End  *string
	}
	Group []struct {
		Name, Error string
		Period      *string
		Lon         float64
		Items       []*string
		IDs, Keys   []string
		Want        []struct {
			Label, Group string
			Items        []int32
		}
	}
}

func readTimeCases(t *testing.T) timeCases {
	t.Helper()
	text, err := os.ReadFile("../tests/conformance/time.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases timeCases
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// instantOf reads an instant by the standard library, not by the code under test.
func instantOf(t *testing.T, text string) int64 {
	t.Helper()
	v, err := time.Parse("2006-01-02T15:04:05.999999Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixMicro()
}

func TestParseInterval(t *testing.T) {
	for _, c := range readTimeCases(t).Datetime {
		start, end, err := ParseInterval(c.Text)
		if c.Error != "" || err != nil {
			if err == nil || string(ClassOf(err)) != c.Error {
				t.Errorf("%q: error %v, want %q", c.Text, err, c.Error)
			}
			continue
		}
		for i, got := range []*int64{start, end} {
			want := []*string{c.Start, c.End}[i]
			if (got == nil) != (want == nil) || (got != nil && *got != instantOf(t, *want)) {
				t.Errorf("%q: end %d is %s", c.Text, i, show(got))
			}
		}
	}
}

func show(micros *int64) string {
	if micros == nil {
		return "open"
	}
	return FormatInstant(*micros)
}

func TestGroupTimes(t *testing.T) {
	for _, c := range readTimeCases(t).Group {
		items := make([]Item, len(c.Items))
		for i, text := range c.Items {
			items[i].ID, items[i].Datetime = fmt.Sprint(i), NoDatetime
			if c.IDs != nil {
				items[i].ID = c.IDs[i]
			}
			if text != nil {
				items[i].Datetime = instantOf(t, *text)
			}
		}
		text := ""
		if c.Period != nil {
			text = *c.Period
		}
		period, err := ParsePeriod(text)
		var steps []TimeStep
		if err == nil {
			steps, err = GroupTimes(items, period, c.Lon, c.Keys)
		}
		if c.Error != "" || err != nil {
			if err == nil || string(ClassOf(err)) != c.Error {
				t.Errorf("%s: error %v, want %q", c.Name, err, c.Error)
			}
			continue
		}
		var want []TimeStep
		for _, w := range c.Want {
			want = append(want, TimeStep{instantOf(t, w.Label), w.Group, w.Items})
		}
		if len(steps) != len(want) || (len(want) > 0 && !reflect.DeepEqual(steps, want)) {
			t.Errorf("%s: %v, want %v", c.Name, steps, want)
		}
	}
}

func TestGroupTimesNamesTheItem(t *testing.T) {
	for _, item := range []Item{{ID: "x", Datetime: NoDatetime}, {ID: "x", Datetime: 1 << 62}} {
		_, err := GroupTimes([]Item{item}, Period{}, 0, nil)
		var e *Error
		if !errors.As(err, &e) || e.ItemID != "x" || e.Reason != "ItemError" {
			t.Errorf("%+v: %v", item, err)
		}
	}
	old := []Item{{ID: "x", Datetime: firstInstant}, {ID: "y", Datetime: firstInstant - 1}}
	if steps, err := GroupTimes(old[:1], Period{kind: bySolarDay}, -180, nil); err != nil || len(steps) != 1 {
		t.Errorf("the first instant: %v", err)
	}
	if _, err := GroupTimes(old, Period{}, 0, nil); err == nil || !strings.Contains(err.Error(), "1677-12-31T23:59:59.999999Z") {
		t.Errorf("before the first instant: %v", err)
	}
	long, _ := ParsePeriod("P1000Y")
	if _, err := GroupTimes(old[:1], long, 0, nil); ClassOf(err) != InvalidArgument || !strings.Contains(err.Error(), "1000-01-01") {
		t.Errorf("a period that begins too early: %v", err)
	}
	if _, err := GroupTimes(make([]Item, 2), Period{kind: byProperty, property: "p"}, 0, []string{"a"}); ClassOf(err) != InvalidArgument {
		t.Errorf("too few keys: %v", err)
	}
}

// TestPeriodStart holds for every instant: the start of its period is not after it, begins a period
// itself, and the next period begins after it.
func TestPeriodStart(t *testing.T) {
	for _, text := range []string{"PT1S", "PT7M", "PT5H", "P1D", "P11D", "P1W", "P3W", "P1M", "P7M", "P1Y", "P4Y"} {
		period, err := ParsePeriod(text)
		if err != nil {
			t.Fatal(err)
		}
		for micros := int64(-3e15); micros < 3e15; micros += 7_919_000_000_123 {
			start := period.Start(micros, 0)
			if start > micros || period.Start(start, 0) != start || (period.Start(start-1, 0) >= start) {
				t.Fatalf("%s: %s starts at %s", text, FormatInstant(micros), FormatInstant(start))
			}
		}
	}
}

func FuzzParseInterval(f *testing.F) {
	for _, text := range []string{"2025-06-01T10:30:00.123456789+02:00", "2025/..", "9999-12-31", "0000-01-01T00:00:00+23:59"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start, end, err := ParseInterval(text)
		if err == nil && start != nil && end != nil && *start > *end {
			t.Errorf("%q: %d to %d", text, *start, *end)
		}
	})
}
