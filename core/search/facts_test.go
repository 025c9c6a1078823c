package search

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"cogweave/core"
)

// TestLinksOfLateRelativeHrefs: the links come along as soon as one item of an answer needs them, wherever it lies, and
// not for an answer of absolute hrefs.
func TestLinksOfLateRelativeHrefs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.parquet")
	newWriter(t).parquet(path, `SELECT 'i' || i AS id, make_timestamp(1700000000000000 + i)::TIMESTAMPTZ AS datetime,
		[{'rel': 'self', 'href': 'https://host/' || i || '.json'}] AS links,
		{'B04': {'href': CASE i WHEN 250 THEN './late.tif' ELSE 'https://host/' || i || '.tif' END, 'type': 'image/tiff'}} AS assets
		FROM range(300) r(i)`)
	e := newEngine(t, Config{})
	for _, c := range []struct {
		ids   []string
		links bool
	}{{[]string{"i1", "i2"}, false}, {[]string{"i1", "i250"}, true}, {[]string{"i1", "i2"}, true}} {
		result, err := e.Search(context.Background(), Files(path), &Query{IDs: c.ids, Narrow: true, Bands: []string{"B04"}})
		if err != nil {
			t.Fatal(err)
		}
		if given := result.Schema.HasField("links"); given != c.links || result.Rows != 2 {
			t.Errorf("%v: links %v of %d rows, want %v of 2", c.ids, given, result.Rows, c.links)
		}
		result.Release()
	}
}

// TestFirstSearchOfAnUnusualSource: what is presumed of boxes and datetimes before they were looked at changes no answer.
func TestFirstSearchOfAnUnusualSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.parquet")
	newWriter(t).parquet(path, `SELECT * FROM (VALUES
		('wrapped', {'xmin': 179.0::DOUBLE, 'ymin': 0.0::DOUBLE, 'xmax': -179.0::DOUBLE, 'ymax': 1.0::DOUBLE}, TIMESTAMPTZ '2024-01-01 00:00:00+00', NULL, NULL),
		('plain', {'xmin': 1.0, 'ymin': 0.0, 'xmax': 2.0, 'ymax': 1.0}, TIMESTAMPTZ '2024-01-01 00:00:00+00', NULL, NULL),
		('boxless', NULL, TIMESTAMPTZ '2024-01-01 00:00:00+00', NULL, NULL),
		('timeless', {'xmin': 1.0, 'ymin': 0.0, 'xmax': 2.0, 'ymax': 1.0}, NULL, TIMESTAMPTZ '2023-12-01 00:00:00+00', TIMESTAMPTZ '2024-02-01 00:00:00+00')
		) v(id, bbox, datetime, start_datetime, end_datetime), (SELECT {'B04': {'href': 'https://host/a.tif', 'type': 'image/tiff'}} AS assets)`)
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	for name, c := range map[string]struct {
		q    Query
		want []string
	}{
		"wrapped":  {Query{BBox: &[4]float64{-179.5, 0, -179.2, 1}}, []string{"wrapped", "boxless"}},
		"both":     {Query{BBox: &[4]float64{1.2, 0, 1.4, 1}, Start: &day, End: &day}, []string{"plain", "boxless", "timeless"}},
		"timeless": {Query{Start: &day, End: &day}, []string{"wrapped", "plain", "boxless", "timeless"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tryFind(newEngine(t, Config{}), Files(path), c.q) // a new engine: nothing is known yet
			if err != nil {
				t.Fatal(err)
			}
			sameIDs(t, name, got, c.want)
		})
	}
}

// TestPresumptionsThatFail: the error of a look at the source is the search's, a cancelled search ends as one, and
// nothing of either is remembered.
func TestPresumptionsThatFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.parquet")
	newWriter(t).parquet(path, `SELECT 'a' AS id, now() AS datetime, {'B04': {'href': 'https://host/a.tif'}} AS assets`)
	broken := core.Errorf(core.SearchError, "Broken", "the source is broken")
	for name, c := range map[string]struct {
		fact func() (bool, error)
		want error
		rows int
	}{
		"holds":   {func() (bool, error) { return true, nil }, nil, 1},
		"unusual": {func() (bool, error) { return false, nil }, nil, 0},
		"fails":   {func() (bool, error) { return false, broken }, broken, 0},
		"panics":  {func() (bool, error) { panic("a bug") }, core.Errorf(core.Internal, "Panic", ""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, Config{})
			err := e.with(context.Background(), Files(path), &Query{}, (&Query{}).locate(), func(d *database) error {
				s := &statement{}
				s.add("SELECT * FROM " + d.from).with(d.fromArgs...)
				s.presumptions = append(s.presumptions, func(context.Context) (bool, error) { return c.fact() })
				result, err := d.presuming(context.Background(), s)
				if (result != nil) != (c.rows > 0) {
					return fmt.Errorf("result %v", result)
				}
				if result != nil {
					result.Release()
				}
				return err
			})
			if core.ClassOf(err) != core.ClassOf(c.want) || (c.want == nil) != (err == nil) || (c.want == error(broken) && !errors.Is(err, broken)) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}
