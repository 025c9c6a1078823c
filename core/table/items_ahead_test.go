package table

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
)

// manyBatches are batches of a few items each, numbered through; the rows of broken ones have no time.
func manyBatches(t *testing.T, count int, broken ...int) []arrow.RecordBatch {
	t.Helper()
	columns := schemaOf("id", textType, "datetime", textType, "bbox", sidesType, "assets", structOf("a", structOf("href", textType, "type", textType)))
	recs := make([]arrow.RecordBatch, count)
	for n := range recs {
		when := "2024-06-01T00:00:00Z"
		if slices.Contains(broken, n) {
			when = "no time"
		}
		items := make([]string, 1+n%3)
		for i := range items {
			items[i] = fmt.Sprintf(`{"id":"%d-%d","datetime":%q,"bbox":{"xmin":1,"ymin":2,"xmax":3,"ymax":%d},"assets":{"a":{"href":"%d/%d.tif","type":"image/tiff"}}}`, n, i, when, 3+n, n, i)
		}
		recs[n] = rows(t, columns, "["+strings.Join(items, ",")+"]")[0]
	}
	return recs
}

func TestItemsAheadAreThoseOfParseItems(t *testing.T) {
	for _, count := range []int{0, 1, 2, 500} {
		recs := manyBatches(t, count)
		want, err := ParseItems(recs, "/catalog/items.parquet")
		if err != nil {
			t.Fatal(err)
		}
		ahead := NewItemsAhead("/catalog/items.parquet")
		for _, rec := range recs {
			ahead.Add(rec)
			rec.Release() // it keeps what it needs
		}
		got, err := ahead.Items()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d batches: %d items, %v, want %d", count, len(got), err, len(want))
		}
	}
}

func TestItemsAheadTellTheFirstError(t *testing.T) {
	ahead := NewItemsAhead("")
	for _, rec := range manyBatches(t, 200, 150, 77, 198) {
		ahead.Add(rec)
	}
	_, err := ahead.Items()
	var told *core.Error
	if !errors.As(err, &told) || told.ItemID != "77-0" {
		t.Errorf("%v, of item %+v", err, told)
	}
}

// What is stopped lets go of the batches that nobody has decoded; those under way are finished.
func TestItemsAheadStop(t *testing.T) {
	var none *ItemsAhead
	none.Stop()
	ahead := NewItemsAhead("")
	for _, rec := range manyBatches(t, 300) {
		ahead.Add(rec)
	}
	ahead.Stop()
	ahead.working.Wait()
	if ahead.next != len(ahead.pieces) || ahead.take(false) != nil {
		t.Errorf("%d of %d batches were taken", ahead.next, len(ahead.pieces))
	}
}
