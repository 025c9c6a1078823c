package table

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
)

// ParseItemsOptions narrows what ParseItemsWith decodes.
type ParseItemsOptions struct {
	// Assets are the keys to decode, in the order in which they are given to each item; nil is all, in
	// the order of the table.
	Assets []string
}

// ParseItems reads rows of stac-geoparquet, in any of the shapes that writers give them: bbox a struct, a
// list or absent; assets a struct, a map or JSON text; properties flat, nested or JSON text; STAC 1.0
// and 1.1, projection, raster, eo and storage extensions of all versions. base is where the catalog was read
// from (a path or URL): relative hrefs of items without an absolute self link are resolved against it.
// An asset without href is left out; an item stays even without assets.
func ParseItems(recs []arrow.RecordBatch, base string) ([]core.Item, error) {
	return ParseItemsWith(recs, base, ParseItemsOptions{})
}

// ParseItemsWith is ParseItems with options. Items are in the order of the rows. Batches are decoded in
// parallel; of several errors the one of the first row is returned.
func ParseItemsWith(recs []arrow.RecordBatch, base string, options ParseItemsOptions) ([]core.Item, error) {
	starts := make([]int, len(recs)+1)
	for i, rec := range recs {
		starts[i+1] = starts[i] + int(rec.NumRows())
	}
	items := make([]core.Item, starts[len(recs)])
	touch(items)
	errs := make([]error, len(recs))
	err := inTurn(len(recs), newInterner, func(i int, shared *interner) {
		errs[i] = parseBatch(recs[i], base, options, shared, items[starts[i]:starts[i+1]])
	})
	if err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

// touch writes to each page of fresh memory. The collector reads what was not written yet, and a page that was read
// first costs an interrupt of every processor when it is written: among a million items a third of a second.
func touch(items []core.Item) {
	const page = 4096 / int(unsafe.Sizeof(core.Item{}))
	for i := 0; i < len(items); i += page {
		items[i].Datetime = 0
	}
}

// inTurn calls f for each of n numbers, on all processors, and gives the first panic as an error. Each worker has
// something of its own.
func inTurn[T any](n int, own func() T, f func(i int, own T)) error {
	var next atomic.Int64
	return onWorkers(min(core.Processors(), n), func() {
		mine := own()
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i, mine)
		}
	})
}

// onWorkers runs work n times at once and gives the first panic as an error.
func onWorkers(n int, work func()) error {
	var (
		wait  sync.WaitGroup
		first sync.Once
		err   error
	)
	for range n {
		wait.Add(1)
		core.Go(func() {
			work()
			wait.Done()
		}, func(e error) {
			first.Do(func() { err = e })
			wait.Done()
		})
	}
	wait.Wait()
	return err
}

// itemReader decodes the rows of one batch.
type itemReader struct {
	id         textReader
	datetime   timeReader
	start      timeReader
	bbox       boxReader
	geometry   binaryReader
	proj       projReader
	storage    storageReader
	properties jsonReader // properties that are JSON text; the columns above come first
	assets     assetsReader
	ids        textArena
	context    assetContext
}

func parseBatch(rec arrow.RecordBatch, base string, options ParseItemsOptions, shared *interner, items []core.Item) error {
	r, err := newItemReader(rec, base, options, shared)
	if err != nil {
		return err
	}
	for row := range items {
		if err := r.read(row, &items[row]); err != nil {
			return owned(err)
		}
	}
	return nil
}

// owned has an error keep its item's id for itself: while a row is read, the id lies in the batch.
func owned(err error) error {
	var e *core.Error
	if errors.As(err, &e) {
		e.ItemID = strings.Clone(e.ItemID)
	}
	return err
}

func newItemReader(rec arrow.RecordBatch, base string, options ParseItemsOptions, shared *interner) (*itemReader, error) {
	top := recordFields(rec)
	if top.get("id") == nil || top.get("assets") == nil {
		return nil, core.Errorf(core.SearchError, "NotStac", "the table holds no STAC items: it has no column id or assets")
	}
	properties := structFields(top.get("properties"))
	// A property is a column of its own or a field of the column properties.
	property := func(name string) arrow.Array {
		if a := top.get(name); a != nil {
			return a
		}
		return properties.get(name)
	}
	r := &itemReader{
		id:         newTextReader(top.get("id"), nil),
		datetime:   newTimeReader(property("datetime")),
		start:      newTimeReader(property("start_datetime")),
		bbox:       newBoxReader(top.get("bbox")),
		proj:       newProjReader(property, shared),
		storage:    newStorageReader(property, shared),
		properties: newJSONReader(top.get("properties")),
		context:    assetContext{catalog: base},
	}
	r.context.links.array = top.get("links")
	if r.id.array == nil {
		return nil, core.Errorf(core.SearchError, "NotStac", "the table holds no STAC items: its column id is %s", top.get("id").DataType())
	}
	r.geometry = newBinaryReader(top.get("geometry"))
	var err error
	r.assets, err = newAssetsReader(top.get("assets"), options.Assets, shared)
	return r, err
}

// read decodes one row.
func (r *itemReader) read(row int, item *core.Item) error {
	id, _ := r.id.peek(row)
	item.ID = id // in the batch's memory, for errors alone
	fail := func(field string, err error) error {
		e := core.Errorf(core.SearchError, "ItemError", "item's %s cannot be used: %w", field, err)
		e.ItemID = item.ID
		return e
	}
	extra, err := r.properties.get(row)
	if err != nil {
		return fail("properties", err)
	}
	if err := r.readTime(row, extra, item); err != nil {
		return fail("datetime", err)
	}
	if item.BBox, err = r.bbox.get(row); err != nil {
		return fail("bbox", err)
	}
	if !known(item.BBox) {
		item.BBox = boundsOf(r.geometry.get(row))
	}
	ctx := &r.context
	ctx.itemID, ctx.row, ctx.proj = item.ID, row, rawProj{}
	if err := r.proj.read(row, &ctx.proj); err != nil {
		return fail("projection", err)
	}
	ctx.storage = rawStorage{}
	if r.storage.any() {
		ctx.storage = r.storage.read(row)
	}
	if extra != nil {
		ctx.proj.fill(&extra.rawProj)
		if ctx.storage.own == (core.Storage{}) && ctx.storage.schemes == nil {
			ctx.storage = extra.jsonStorage.raw()
		}
	}
	if item.Assets, err = r.assets.read(row, ctx); err != nil {
		return err
	}
	item.ID = r.keepID(id, item.Assets)
	return nil
}

// keepID copies an id, which most catalogs repeat in their hrefs: then it is a part of the first of them.
func (r *itemReader) keepID(id string, assets []core.ItemAsset) string {
	if len(assets) > 0 {
		if at := strings.Index(assets[0].Href, id); at >= 0 {
			return assets[0].Href[at : at+len(id)]
		}
	}
	return r.ids.keep(id)
}

// readTime takes datetime, else start_datetime.
func (r *itemReader) readTime(row int, extra *rawProperties, item *core.Item) error {
	for _, reader := range [...]*timeReader{&r.datetime, &r.start} {
		micros, ok, err := reader.get(row)
		if ok {
			item.Datetime = max(micros, core.NoDatetime+1) // one microsecond later is out of range just the same
		}
		if ok || err != nil {
			return err
		}
	}
	item.Datetime = core.NoDatetime
	if extra == nil {
		return nil
	}
	for _, text := range [...]string{extra.Datetime, extra.StartDatetime} {
		if text != "" {
			micros, err := core.ParseInstant(text)
			if err == nil {
				item.Datetime = micros
			}
			return err
		}
	}
	return nil
}
